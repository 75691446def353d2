//===- mapping.h - anonymous pages ------------------------------*- C++ -*-===//
// Memory straight from the kernel: arenas and variable storage (2 MiB pages where there are any,
// populated before the first run, since a page fault costs as much as a small kernel) and machine
// code, which is never writable and executable at once.
//===----------------------------------------------------------------------===//
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace weir::runtime {

class Mapping {
public:
  Mapping() = default;
  /// `bytes` zero bytes, aligned to a page, or to 2 MiB when they are that many. Error: resource
  /// exhausted.
  static absl::StatusOr<Mapping> zeros(int64_t bytes);
  /// A read-execute copy of `image`.
  static absl::StatusOr<Mapping> code(std::span<const uint8_t> image);

  Mapping(Mapping &&other) noexcept { swap(other); }
  Mapping &operator=(Mapping &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Mapping();

  /// Makes every page present, so that writing it later cannot fault. Content is kept.
  void populate();

  std::byte *data() const { return start; }
  int64_t size() const { return bytes; }

private:
  void swap(Mapping &other) noexcept {
    std::swap(start, other.start);
    std::swap(bytes, other.bytes);
  }

  std::byte *start = nullptr;
  int64_t bytes = 0;
};

} // namespace weir::runtime
