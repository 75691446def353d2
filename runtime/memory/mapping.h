//===- mapping.h - anonymous pages ------------------------------*- C++ -*-===//
// Memory straight from the kernel: arenas and variable storage (2 MiB pages where there are any,
// populated beforehand, since a page fault costs as much as a small kernel) and machine code, which
// is never writable and executable at once.
//===----------------------------------------------------------------------===//
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
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

  /// Makes every page present, so that writing it later cannot fault. Content is kept, also what
  /// others write meanwhile. Ends early when `stop` becomes true.
  void populate(const std::atomic<bool> *stop = nullptr);

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

/// A mapping that a thread of its own populates, from the first byte to the last. Fresh pages of a
/// virtual machine come at 0.4 to 8 GB/s, so an arena is on its way while kernels compile and may
/// be used at any time.
class Reservation {
public:
  /// Error: resource exhausted.
  static absl::StatusOr<std::shared_ptr<Reservation>> start(int64_t bytes);
  /// Stops populating.
  ~Reservation();
  Reservation(const Reservation &) = delete;
  Reservation &operator=(const Reservation &) = delete;

  std::byte *data() const { return mapping.data(); }
  int64_t size() const { return mapping.size(); }

private:
  explicit Reservation(Mapping mapping);

  Mapping mapping;
  std::atomic<bool> stop{false};
  std::thread worker;
};

} // namespace weir::runtime
