// Kernels as MLIR functions in, PTX out: lanes become the threads of warps, then one conversion to
// LLVM IR, LLVM's optimizer and its NVPTX code generator, all in process. No CUDA is needed.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm
namespace mlir {
class Operation;
} // namespace mlir

namespace weir::codegen::cuda {

/// A kernel that codegen/lower made with warpTarget().
struct WarpKernel {
  mlir::Operation *function = nullptr;
  int64_t tasks = 0;        // Dealt out to warps in runs of equal length.
  int64_t scratchBytes = 0; // For each warp.
};
llvm::StringRef nameOf(const WarpKernel &kernel);

/// How a kernel is called: `entry(buffers..., scratch)`, one-dimensional grids of blocks of
/// kWarpsPerBlock warps; `scratch` holds kernel.scratchBytes for each warp of the grid.
std::string entryName(llvm::StringRef kernel);

/// Blocks that keep a device busy with the kernel's tasks, fewer where scratch would grow beyond
/// bounds; any number gives the same bits.
int64_t blocksFor(const WarpKernel &kernel);

/// The optimized LLVM IR of the kernels' entries and bodies, for NVPTX. Null after a diagnostic.
std::unique_ptr<llvm::Module> toDeviceModule(llvm::ArrayRef<WarpKernel> kernels, bool verify,
                                             llvm::LLVMContext &context);

/// PTX text of a module of toDeviceModule, which it consumes.
llvm::Expected<std::string> emitPtx(llvm::Module &module);

/// Both steps. Errors are diagnostics at the kernels' locations.
mlir::FailureOr<std::string> compileToPtx(llvm::ArrayRef<WarpKernel> kernels, bool verify = false);

} // namespace weir::codegen::cuda
