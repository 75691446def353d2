//===- mapping.cc - anonymous pages ---------------------------------------===//
// mmap, madvise and mprotect with their errors named.
//===----------------------------------------------------------------------===//
#include "runtime/memory/mapping.h"

#include "runtime/base/bytes.h"

#include <absl/strings/str_cat.h>

#include <cerrno>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

namespace weir::runtime {

namespace {

constexpr int64_t kHugePage = int64_t(2) << 20;
constexpr int kPopulateWrite = 23; // MADV_POPULATE_WRITE, Linux 5.14; older headers lack it

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

void Mapping::populate() {
  if (!start || madvise(start, bytes, kPopulateWrite) == 0) return;
  int64_t page = sysconf(_SC_PAGESIZE);
  for (int64_t i = 0; i < bytes; i += page) {
    auto *byte = reinterpret_cast<volatile char *>(start + i);
    *byte = *byte;
  }
}

} // namespace weir::runtime
