// --libraries and --precision of commands that compile for GPUs.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <CLI/CLI.hpp>

#include <string>

namespace weir::tools {

struct GpuOptions {
  std::string libraries = "all", precision = "f32";
};

void addGpuOptions(CLI::App &command, GpuOptions &options);
/// Writes them into the module. Throws weir::Error for one that needs a GPU where `isForGpu` is
/// false.
void applyGpuOptions(mlir::ModuleOp module, const GpuOptions &options, bool isForGpu);
/// The error for --precision tf32 on the CPU.
[[noreturn]] void refuseTf32();

} // namespace weir::tools
