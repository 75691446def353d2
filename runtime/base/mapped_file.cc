#include "runtime/base/mapped_file.h"

#include <absl/strings/str_cat.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::runtime {

absl::StatusOr<Bytes> mapFile(const std::string &path) {
  auto failed = [&](const char *what) {
    return absl::NotFoundError(absl::StrCat(path, ": ", what, ": ", std::strerror(errno)));
  };
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("cannot be opened");
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    absl::Status status = absl::InvalidArgumentError(absl::StrCat(path, ": is not a file"));
    ::close(fd);
    return status;
  }
  auto size = static_cast<size_t>(info.st_size);
  if (size == 0) {
    ::close(fd);
    return Bytes();
  }
  void *pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  absl::Status status = pages == MAP_FAILED ? failed("cannot be mapped") : absl::OkStatus();
  ::close(fd);
  if (!status.ok()) return status;
  std::shared_ptr<void> owner(pages, [size](void *p) { ::munmap(p, size); });
  return Bytes::view(owner, pages, size);
}

} // namespace weir::runtime
