//===- mapping.cc - anonymous pages ---------------------------------------===//
// mmap, madvise and mprotect with their errors named. Pages are populated by touching them:
// MADV_POPULATE_WRITE holds the lock that every other thread needs to grow its heap.
//===----------------------------------------------------------------------===//
#include "runtime/memory/mapping.h"

#include "runtime/base/bytes.h"

#include <absl/strings/str_cat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace weir::runtime {

namespace {

constexpr int64_t kHugePage = int64_t(2) << 20;
constexpr int64_t kLeastInBackground = kHugePage; // less is there sooner than a thread

absl::Status failed(const char *what, int64_t bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot ", what, " ", bytes, " bytes: ", std::strerror(errno)));
}

} // namespace

absl::StatusOr<Mapping> Mapping::zeros(int64_t bytes) {
  Mapping mapping;
  if (bytes <= 0) return mapping;
  if (bytes > (int64_t(1) << 47)) {
    errno = ENOMEM;
    return failed("map", bytes);
  }
  bool huge = bytes >= kHugePage;
  int64_t rounded = roundUp(bytes, huge ? kHugePage : sysconf(_SC_PAGESIZE));
  int64_t slack = huge ? kHugePage : 0;
  void *raw = mmap(nullptr, rounded + slack, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return failed("map", bytes);
  auto *start = static_cast<std::byte *>(raw);
  if (huge) {
    int64_t head = -reinterpret_cast<uintptr_t>(start) & (kHugePage - 1);
    if (head) munmap(start, head);
    if (slack - head) munmap(start + head + rounded, slack - head);
    start += head;
    madvise(start, rounded, MADV_HUGEPAGE); // without huge pages small ones do
  }
  mapping.start = start;
  mapping.bytes = rounded;
  return mapping;
}

absl::StatusOr<Mapping> Mapping::code(std::span<const uint8_t> image) {
  absl::StatusOr<Mapping> mapping = zeros(static_cast<int64_t>(image.size()));
  if (!mapping.ok() || image.empty()) return mapping;
  std::memcpy(mapping->data(), image.data(), image.size());
  if (mprotect(mapping->data(), mapping->size(), PROT_READ | PROT_EXEC) != 0)
    return failed("make executable", mapping->size());
  return mapping;
}

Mapping::~Mapping() {
  if (start) munmap(start, bytes);
}

void Mapping::populate(const std::atomic<bool> *stop) {
  int64_t page = sysconf(_SC_PAGESIZE);
  for (int64_t i = 0; i < bytes && !(stop && stop->load(std::memory_order_relaxed)); i += page) {
    // A write that changes nothing, whoever else writes there: also a failed exchange is one.
    char expected = 0;
    std::atomic_ref(*reinterpret_cast<char *>(start + i)).compare_exchange_strong(expected, 0);
  }
}

absl::StatusOr<std::shared_ptr<Reservation>> Reservation::start(int64_t bytes) {
  absl::StatusOr<Mapping> mapping = Mapping::zeros(bytes);
  if (!mapping.ok()) return mapping.status();
  return std::shared_ptr<Reservation>(new Reservation(*std::move(mapping)));
}

Reservation::Reservation(Mapping mapped) : mapping(std::move(mapped)) {
  try {
    if (mapping.size() < kLeastInBackground)
      mapping.populate();
    else
      worker = std::thread([this] {
        setpriority(PRIO_PROCESS, 0, 19); // of this thread: those who compute come first
        mapping.populate(&stop);
      });
  } catch (const std::system_error &) {
    mapping.populate(); // the system grants no more threads
  }
}

Reservation::~Reservation() {
  stop.store(true, std::memory_order_relaxed);
  if (worker.joinable()) worker.join();
}

} // namespace weir::runtime
