//===- bytes.cc - shared, aligned bytes -----------------------------------===//
// One aligned allocation with a shared owner.
//===----------------------------------------------------------------------===//
#include "runtime/base/bytes.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace weir::runtime {

Bytes Bytes::uninitialized(size_t size) {
  if (size > static_cast<size_t>(INT64_MAX) - kBufferAlignment) throw std::bad_alloc();
  size_t padded = roundUp(static_cast<int64_t>(size ? size : 1), kBufferAlignment);
  void *memory = std::aligned_alloc(kBufferAlignment, padded);
  if (!memory) throw std::bad_alloc();
  return Bytes(std::shared_ptr<std::byte>(static_cast<std::byte *>(memory), std::free), size);
}

Bytes Bytes::zeros(size_t size) {
  Bytes bytes = uninitialized(size);
  std::memset(bytes.data(), 0, size);
  return bytes;
}

Bytes Bytes::copyOf(const void *source, size_t size) {
  Bytes bytes = uninitialized(size);
  if (size) std::memcpy(bytes.data(), source, size);
  return bytes;
}

} // namespace weir::runtime
