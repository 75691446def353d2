// A kernel's own LLVM IR, optimized for NVPTX, compiled for the CPU instead: its intrinsics become
// calls of the grid (grid.h), everything else stays. For tests.
#pragma once

#include "codegen/cuda/compile.h"

#include <functional>
#include <memory>
#include <string>

namespace weir::codegen::cuda {

/// Kernels that run on emulated grids.
class EmulatedKernels {
public:
  /// Errors: what cannot be lowered or compiled, as text; the kernels' diagnostics say more.
  static llvm::Expected<std::unique_ptr<EmulatedKernels>>
  compile(llvm::ArrayRef<WarpKernel> kernels);
  /// Those of a module of toDeviceModule (codegen/cuda/compile.h) as bitcode; they have no
  /// launchers.
  static llvm::Expected<std::unique_ptr<EmulatedKernels>> fromBitcode(llvm::StringRef bitcode);
  virtual ~EmulatedKernels() = default;

  /// `entry(arguments)` calls the kernel with the pointers of `arguments`: buffers, then scratch.
  /// Null: there is none.
  virtual void (*entry(llvm::StringRef kernel) const)(void **) = 0;
  /// The same by the entry's own name.
  virtual void (*entryNamed(llvm::StringRef name) const)(void **) = 0;
  /// The kernel as the executor calls one: launchGrid (grid.h), whatever the range of tasks.
  using Launch = void (*)(void **buffers, int64_t begin, int64_t end, void *scratch);
  virtual Launch launcher(llvm::StringRef kernel) const = 0;
};

} // namespace weir::codegen::cuda
