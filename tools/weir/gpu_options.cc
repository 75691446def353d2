// Attributes of the module, which passes/fuse reads.
#include "tools/weir/gpu_options.h"

#include "ir/dialect/library.h"
#include "tools/weir/status.h"

namespace weir::tools {

void addGpuOptions(CLI::App &command, GpuOptions &options) {
  command
      .add_option(
          "--libraries", options.libraries,
          "on a GPU: all (large dots by cuBLASLt, large convolutions by cuDNN) or none (all by "
          "Weir's own kernels)")
      ->check(CLI::IsMember({"all", "none"}))
      ->capture_default_str();
  command
      .add_option(
          "--precision", options.precision,
          "of dots and convolutions of f32 on a GPU: tf32 lets libraries round their operands to "
          "10 bits")
      ->check(CLI::IsMember({"f32", "tf32"}))
      ->capture_default_str();
}

void refuseTf32() {
  fail("--precision tf32 is of GPUs: add --device cuda; on the CPU dots of f32 are f32");
}

void applyGpuOptions(mlir::ModuleOp module, const GpuOptions &options, bool isForGpu) {
  mlir::MLIRContext *context = module.getContext();
  if (options.libraries == "none")
    module->setAttr(ir::kLibrariesAttr, mlir::StringAttr::get(context, ir::kNoLibraries));
  if (options.precision != "tf32") return;
  if (!isForGpu) refuseTf32();
  module->setAttr(ir::kTf32Attr, mlir::UnitAttr::get(context));
}

} // namespace weir::tools
