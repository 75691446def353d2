// LLVM module to object file: the short list of passes that kernels profit from, then code
// generation at the default level, position-independent.
#ifndef WEIR_CODEGEN_CPU_COMPILE_EMIT_OBJECT_H
#define WEIR_CODEGEN_CPU_COMPILE_EMIT_OBJECT_H

#include "codegen/cpu/target_info.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace llvm {
class Module;
} // namespace llvm

namespace weir::codegen {

/// The ELF object of `module`, which is optimised in place. Safe to call from several threads on
/// modules of different contexts.
llvm::Expected<llvm::SmallVector<char, 0>> emitObject(llvm::Module &module,
                                                      const TargetInfo &target);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_COMPILE_EMIT_OBJECT_H
