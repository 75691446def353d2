// weir-opt: mlir-opt with the weir dialect and passes; crash reproducers, statistics and IR
// printing come with it.
#include "autodiff/transforms/passes.h"
#include "ir/dialect/weir.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/fuse/fuse.h"
#include "passes/simplify/simplify.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<weir::ir::WeirDialect>();
  mlir::registerAllPasses();
  weir::autodiff::registerAutodiffPasses();
  weir::passes::registerFusePasses();
  weir::passes::registerSimplifyPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "weir optimizer\n", registry));
}
