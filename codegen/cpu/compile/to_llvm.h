// A group of kernels from MLIR to one LLVM module: a single conversion with all patterns, then
// translation, the kernels' entry thunks and the target's attributes.
#ifndef WEIR_CODEGEN_CPU_COMPILE_TO_LLVM_H
#define WEIR_CODEGEN_CPU_COMPILE_TO_LLVM_H

#include "codegen/cpu/target_info.h"

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm
namespace mlir {
class Operation;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace weir::codegen {

/// The LLVM module of `kernels` as they are, a function for each with bare pointers for memrefs.
/// `prepare` gets a copy of each kernel before the conversion. Null after a diagnostic.
std::unique_ptr<llvm::Module>
translateKernels(llvm::ArrayRef<mlir::Operation *> kernels,
                 llvm::function_ref<mlir::LogicalResult(mlir::func::FuncOp)> prepare, bool verify,
                 llvm::LLVMContext &context);

/// The LLVM module of `kernels`: an entry `void name(ptr buffers, i64 begin, i64 end, ptr scratch)`
/// for each, which loads the pointers and calls the kernel's body. Null after a diagnostic.
std::unique_ptr<llvm::Module> toLLVM(llvm::ArrayRef<mlir::Operation *> kernels,
                                     const TargetInfo &target, bool verify,
                                     llvm::LLVMContext &context);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_COMPILE_TO_LLVM_H
