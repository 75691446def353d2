// The last step of compiling: a kernels-level module with a memory plan becomes a
// runtime::Executable: kernels as one image of machine code, constants, buffers, and the
// instruction list. No pass comes after it.
#pragma once

#include "codegen/cpu/target_info.h"
#include "runtime/artifact/executable.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

namespace weir::codegen {

struct BuildOptions {
  TargetInfo target; ///< of a CPU, or cuda::warpTarget()
  /// For a GPU: the forms that kernels are wanted in (codegen/cuda/image.h).
  std::vector<std::string> gpuForms;
  int threads = 0; ///< that compile kernels; 0: one for each core
};

/// Errors: a kernel that cannot be lowered, or an op without a memory plan, is a diagnostic at the
/// user's line.
mlir::FailureOr<runtime::Executable> buildExecutable(mlir::ModuleOp module,
                                                     const BuildOptions &options);

} // namespace weir::codegen
