//===- file.h - whole files, safely -----------------------------*- C++ -*-===//
// Writing a file so that whoever opens its path sees the old content or the new one, never a part,
// even after a crash or a power failure; and reading one with errors that name it.
//===----------------------------------------------------------------------===//
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weir::runtime {

/// Writes `pieces`, one after the other, to a temporary file beside `path`, forces it to the disk,
/// and renames it to `path`. Errors (no such directory, disk full, ...) leave `path` as it was and
/// name it. A device or pipe is written to as it is.
absl::Status writeFileAtomically(const std::string &path,
                                 const std::vector<std::span<const std::byte>> &pieces);

/// A file that several processes write parts of. It lies beside `path` until `commit` puts it in
/// the place of what is there; one that a crash left behind is written over.
class PartialFile {
public:
  /// One process creates it, at its size; the others open it then.
  static absl::StatusOr<PartialFile> create(const std::string &path, int64_t bytes);
  static absl::StatusOr<PartialFile> open(const std::string &path);
  PartialFile(PartialFile &&other) noexcept;
  PartialFile(const PartialFile &) = delete;
  PartialFile &operator=(const PartialFile &) = delete;
  ~PartialFile();

  absl::Status write(int64_t offset, std::span<const std::byte> bytes) const;
  /// Forces what was written to the disk.
  absl::Status sync() const;

  /// When all have synced; one process calls it. `discard` where one has failed.
  static absl::Status commit(const std::string &path);
  static void discard(const std::string &path);

private:
  PartialFile(std::string path, int fd) : path(std::move(path)), fd(fd) {}

  std::string path;
  int fd;
};

/// A file opened for reading, of a size that is known from the start.
class InputFile {
public:
  static absl::StatusOr<InputFile> open(const std::string &path);
  InputFile(InputFile &&other) noexcept;
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;
  ~InputFile();

  int64_t size() const { return bytes; }
  /// Fills `target` from `offset` on; an error when the file ends before.
  absl::Status read(int64_t offset, std::span<std::byte> target) const;

private:
  InputFile(std::string path, int fd, int64_t bytes)
      : path(std::move(path)), fd(fd), bytes(bytes) {}

  std::string path;
  int fd;
  int64_t bytes;
};

} // namespace weir::runtime
