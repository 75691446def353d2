// Kernels in the forms that an executable carries for GPUs.
#pragma once

#include "codegen/cuda/compile.h"
#include "runtime/artifact/executable.h"

namespace weir::codegen::cuda {

struct GpuImage {
  std::vector<uint8_t> bytes;
  std::vector<runtime::GpuModule> modules; // pieces of `bytes`, in the order of the forms
};

/// Compiles the kernels once and puts them into each of `forms`: "ptx"; "sm_80", "sm_90" and so on,
/// cubins, which need ptxas (ptxas.h) and are left out, with a remark, where there is none; "llvm",
/// bitcode. Errors: diagnostics at the kernels' locations; nothing but cubins is asked for, and
/// there is no ptxas.
mlir::FailureOr<GpuImage> compileForms(llvm::ArrayRef<WarpKernel> kernels,
                                       llvm::ArrayRef<std::string> forms);

} // namespace weir::codegen::cuda
