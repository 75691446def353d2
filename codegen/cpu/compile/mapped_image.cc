// Writes the bytes first and makes them executable afterwards: never both at once.
#include "codegen/cpu/compile/mapped_image.h"

#include <cstring>
#include <sys/mman.h>

namespace weir::codegen {

std::unique_ptr<MappedImage> MappedImage::map(const Image &image) {
  size_t size = image.bytes.empty() ? 1 : image.bytes.size();
  void *base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  std::unique_ptr<MappedImage> mapped(new MappedImage(base, size, image.offsets));
  if (!image.bytes.empty()) std::memcpy(base, image.bytes.data(), image.bytes.size());
  if (mprotect(base, size, PROT_READ | PROT_EXEC) != 0) return nullptr;
  return mapped;
}

MappedImage::~MappedImage() {
  munmap(base, size);
}

KernelEntry MappedImage::kernel(llvm::StringRef name) const {
  auto it = offsets.find(name);
  if (it == offsets.end()) return nullptr;
  return reinterpret_cast<KernelEntry>(static_cast<char *>(base) + it->second);
}

} // namespace weir::codegen
