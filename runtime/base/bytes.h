//===- bytes.h - shared, aligned bytes --------------------------*- C++ -*-===//
// Memory for tensors outside a run: feeds, fetches, constants. Copies share the memory; there is no
// copy-on-write here (HostTensor adds it). Not used during a run: the arena is.
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace weir::runtime {

/// What the first byte of every buffer that the runtime hands to a kernel is aligned to, scan
/// slices excepted.
inline constexpr size_t kBufferAlignment = 64;

/// `value` rounded up to a multiple of `unit`.
constexpr int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

class Bytes {
public:
  Bytes() = default;
  /// `size` bytes aligned to kBufferAlignment, their content unspecified. Throws std::bad_alloc.
  static Bytes uninitialized(size_t size);
  static Bytes zeros(size_t size);
  static Bytes copyOf(const void *source, size_t size);
  /// Memory owned by someone else: `owner` is kept alive, `data` must be aligned to
  /// kBufferAlignment.
  static Bytes view(std::shared_ptr<void> owner, void *data, size_t size) {
    return Bytes(std::shared_ptr<std::byte>(std::move(owner), static_cast<std::byte *>(data)),
                 size);
  }

  std::byte *data() const { return memory.get(); }
  size_t size() const { return length; }
  /// True when a copy of this object exists, so that writing would be seen there.
  bool isShared() const { return memory.use_count() > 1; }

private:
  Bytes(std::shared_ptr<std::byte> memory, size_t length)
      : memory(std::move(memory)), length(length) {}

  std::shared_ptr<std::byte> memory;
  size_t length = 0;
};

} // namespace weir::runtime
