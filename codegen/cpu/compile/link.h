// Our own linker: kernels only refer to constants of their own object and to their own bodies, so
// laying the sections out and adding up distances is all there is to do. It refuses the rest.
#ifndef WEIR_CODEGEN_CPU_COMPILE_LINK_H
#define WEIR_CODEGEN_CPU_COMPILE_LINK_H

#include "codegen/cpu/compile/image.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace weir::codegen {

/// What could not be linked, and the kernel that asked for it ("" when it is no kernel's fault).
class LinkError : public llvm::ErrorInfo<LinkError> {
public:
  static char ID;
  LinkError(std::string kernel, std::string message)
      : kernel(std::move(kernel)), message(std::move(message)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

  const std::string kernel, message;
};

/// Lays the objects' code and constants out in one image. Every global symbol is a kernel.
llvm::Expected<Image> linkImage(llvm::ArrayRef<llvm::StringRef> objects);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_COMPILE_LINK_H
