// An image mapped read-execute into this process, for tests and tools that call kernels directly;
// programs run through runtime/executor.
#ifndef WEIR_CODEGEN_CPU_COMPILE_MAPPED_IMAGE_H
#define WEIR_CODEGEN_CPU_COMPILE_MAPPED_IMAGE_H

#include "codegen/cpu/compile/image.h"

#include "llvm/ADT/StringRef.h"

#include <memory>

namespace weir::codegen {

class MappedImage {
public:
  /// Null when the system refuses the mapping.
  static std::unique_ptr<MappedImage> map(const Image &image);
  ~MappedImage();
  MappedImage(const MappedImage &) = delete;
  MappedImage &operator=(const MappedImage &) = delete;

  /// Null when the image has no kernel of that name.
  KernelEntry kernel(llvm::StringRef name) const;

private:
  MappedImage(void *base, size_t size, llvm::StringMap<uint64_t> offsets)
      : base(base), size(size), offsets(std::move(offsets)) {}

  void *base;
  size_t size;
  llvm::StringMap<uint64_t> offsets;
};

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_COMPILE_MAPPED_IMAGE_H
