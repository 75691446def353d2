// Kernels as MLIR functions in, one position-independent image of machine code out. A kernel uses
// arith, math (what the CPU has as an instruction), memref, scf, cf and rank-1 vectors.
#ifndef WEIR_CODEGEN_CPU_COMPILE_COMPILE_H
#define WEIR_CODEGEN_CPU_COMPILE_COMPILE_H

#include "codegen/cpu/compile/image.h"
#include "codegen/cpu/target_info.h"

#include "mlir/Support/LLVM.h"

namespace mlir {
class DialectRegistry;
class Operation;
} // namespace mlir

namespace weir::codegen {

struct CompileOptions {
  TargetInfo target;   // from hostTarget() or targetForLevel()
  int threads = 0;     // 0: one for each core
  bool verify = false; // MLIR's verifier before conversion and LLVM's after it
};

/// Adds every dialect that kernels and their conversion use. The context that kernels live in must
/// have them loaded (`loadAllAvailableDialects`) before compileKernels runs.
void registerKernelDialects(mlir::DialectRegistry &registry);

/// Compiles the functions `kernels`, each a func.func
///   func.func @k(buffers: memref..., begin: index, end: index, scratch: memref<?xi8>)
/// where the buffers have static identity layouts (`llvm.noalias` on an argument is obeyed). They
/// are not changed. Multiply-adds are fused only where the kernel says so (vector.fma, math.fma).
/// Errors: a kernel of another form, or one that needs a routine from outside the image, is a
/// diagnostic at the kernel's location.
/// Cost: about 2-10 ms a kernel of one core.
mlir::FailureOr<Image> compileKernels(llvm::ArrayRef<mlir::Operation *> kernels,
                                      const CompileOptions &options);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_COMPILE_COMPILE_H
