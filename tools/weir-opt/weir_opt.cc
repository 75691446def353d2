// weir-opt: mlir-opt with the weir dialect and passes; crash reproducers, statistics and IR
// printing come with it.
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/pipelines/pipelines.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  weir::passes::registerDialects(registry);
  mlir::registerAllPasses();
  weir::passes::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "weir optimizer\n", registry));
}
