//===- bytes.cc - shared, aligned bytes -----------------------------------===//
// One aligned allocation with a shared owner. Large ones ask for huge pages: a fresh fetch of 64 MB
// would else cost 16000 page faults.
//===----------------------------------------------------------------------===//
#include "runtime/base/bytes.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

namespace weir::runtime {

namespace {

constexpr size_t kHugePage = size_t(2) << 20;

} // namespace

Bytes Bytes::uninitialized(size_t size) {
  if (size > static_cast<size_t>(INT64_MAX) - kHugePage) throw std::bad_alloc();
  size_t alignment = size >= 2 * kHugePage ? kHugePage : kBufferAlignment;
  size_t padded = roundUp(static_cast<int64_t>(size ? size : 1), kBufferAlignment);
  void *memory = std::aligned_alloc(alignment, roundUp(padded, alignment));
  if (!memory) throw std::bad_alloc();
  if (alignment == kHugePage) madvise(memory, padded / kHugePage * kHugePage, MADV_HUGEPAGE);
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
