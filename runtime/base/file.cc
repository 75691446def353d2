//===- file.cc - whole files, safely --------------------------------------===//
// POSIX calls with their errors as statuses.
//===----------------------------------------------------------------------===//
#include "runtime/base/file.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::runtime {

namespace {

absl::Status failed(const char *what, const std::string &path, int error) {
  std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

/// Returns 0 or the error number.
int writeAll(int fd, std::span<const std::byte> bytes) {
  constexpr size_t kMostAtOnce = size_t(1) << 30; // Linux writes no more than 2 GiB in a call
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), std::min(bytes.size(), kMostAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(written);
  }
  return 0;
}

/// Makes a rename within the directory of `path` durable. Returns 0 or the error number.
int syncDirectoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string directory =
      slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
  int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = fsync(fd) != 0 && errno != EINVAL ? errno : 0; // EINVAL: no sync on this file system
  close(fd);
  return error;
}

/// A device, pipe or socket: there is nothing to replace, and a rename would take its place.
bool isStream(const std::string &path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/// Where a link leads, so that its target is replaced and not the link; else `path`.
std::string targetOf(const std::string &path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
  std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : path;
}

absl::Status writeStream(const std::string &path,
                         const std::vector<std::span<const std::byte>> &pieces) {
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("write", path, errno);
  int error = 0;
  for (std::span<const std::byte> piece : pieces)
    if (error = writeAll(fd, piece); error != 0) break;
  if (close(fd) != 0 && !error) error = errno;
  return error ? failed("write", path, error) : absl::OkStatus();
}

} // namespace

absl::Status writeFileAtomically(const std::string &path,
                                 const std::vector<std::span<const std::byte>> &pieces) {
  if (isStream(path)) return writeStream(path, pieces);
  const std::string target = targetOf(path);
  std::string temporary = target + ".XXXXXX";
  int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return failed("write", path, errno);
  int error = 0;
  for (std::span<const std::byte> piece : pieces)
    if (error = writeAll(fd, piece); error != 0) break;
  mode_t mask = umask(0);
  umask(mask);
  if (!error && fchmod(fd, 0666 & ~mask) != 0) error = errno;
  if (!error && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && !error) error = errno;
  if (!error && std::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error) {
    unlink(temporary.c_str());
    return failed("write", path, error);
  }
  error = syncDirectoryOf(target);
  return error ? failed("sync the directory of", path, error) : absl::OkStatus();
}

static std::string partialOf(const std::string &path) {
  return targetOf(path) + ".partial";
}

absl::StatusOr<PartialFile> PartialFile::create(const std::string &path, int64_t bytes) {
  int fd = ::open(partialOf(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return failed("write", path, errno);
  if (ftruncate(fd, bytes) == 0) return PartialFile(path, fd);
  int error = errno;
  close(fd);
  return failed("write", path, error);
}

absl::StatusOr<PartialFile> PartialFile::open(const std::string &path) {
  int fd = ::open(partialOf(path).c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("write", path, errno);
  return PartialFile(path, fd);
}

PartialFile::PartialFile(PartialFile &&other) noexcept : path(std::move(other.path)), fd(other.fd) {
  other.fd = -1;
}

PartialFile::~PartialFile() {
  if (fd >= 0) close(fd);
}

absl::Status PartialFile::write(int64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t written = pwrite(fd, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status PartialFile::sync() const {
  return fsync(fd) == 0 ? absl::OkStatus() : failed("write", path, errno);
}

absl::Status PartialFile::commit(const std::string &path) {
  const std::string target = targetOf(path);
  if (std::rename(partialOf(path).c_str(), target.c_str()) != 0)
    return failed("write", path, errno);
  int error = syncDirectoryOf(target);
  return error ? failed("sync the directory of", path, error) : absl::OkStatus();
}

void PartialFile::discard(const std::string &path) {
  unlink(partialOf(path).c_str());
}

absl::StatusOr<InputFile> InputFile::open(const std::string &path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", path, errno);
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(absl::StrCat("cannot open ", path, ": not a regular file"));
  }
  return InputFile(path, fd, info.st_size);
}

InputFile::InputFile(InputFile &&other) noexcept
    : path(std::move(other.path)), fd(other.fd), bytes(other.bytes) {
  other.fd = -1;
}

InputFile::~InputFile() {
  if (fd >= 0) close(fd);
}

absl::Status InputFile::read(int64_t offset, std::span<std::byte> target) const {
  while (!target.empty()) {
    ssize_t got = pread(fd, target.data(), target.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path, errno);
    if (got == 0)
      return absl::DataLossError(absl::StrCat(path, " ends after ", offset, " bytes, ",
                                              target.size(), " more are needed"));
    target = target.subspan(got);
    offset += got;
  }
  return absl::OkStatus();
}

} // namespace weir::runtime
