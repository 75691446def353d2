// .weirx files: executables that need no compiler.
//
// A header of 64 bytes (magic, format version, sizes, checksums), the metadata (executable.proto),
// then sections at multiples of 4096: machine code and constants for each processor level, GPU code
// (PTX and cubins) and constants for the level "cuda", values of variables. Code is copied into
// pages that are never writable and executable at once; constants and values are mapped, so loading
// takes as long as checking sums does. Everything is checked before it is used: sizes, the CRC-32C
// of every section that is loaded, and what verify() checks.
//
// Version 2 added batch ranges: a level has an executable for each of several sizes of the batch.
// Version 3 added programs for a mesh, version 4 dots that a library does,
// version 5 convolutions. A file says the oldest
// version that has all it needs, so that older runtimes read what they can.
#pragma once

#include "runtime/artifact/batch.h"
#include "runtime/base/host_tensor.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

namespace weir::runtime {

/// The level of executables for GPUs, which is never chosen but by its name.
constexpr const char *kCudaLevel = "cuda";

/// The executable of one processor level.
struct LevelExecutable {
  LevelExecutable(std::string cpu, std::shared_ptr<const Executable> executable)
      : LevelExecutable(std::move(cpu), BatchExecutable::ofOneSize(std::move(executable))) {}
  LevelExecutable(std::string cpu, BatchExecutable batch)
      : cpu(std::move(cpu)), batch(std::move(batch)) {}

  std::string cpu; ///< "x86-64-v3", "x86-64-v4", kCudaLevel
  BatchExecutable batch;
};

/// Levels whose features this processor has, the most demanding first.
std::vector<std::string> supportedLevels();

/// Writes the levels, which must agree in inputs, outputs, variables and sizes of the batch, and
/// the variables' values (one for each of Executable::variables, or none; on a mesh whole ones).
/// Whoever reads `path` sees the old file or the whole new one. Errors: no level, levels that
/// disagree, values of another type, the disk.
absl::Status writeExecutableFile(const std::string &path,
                                 const std::vector<LevelExecutable> &levels,
                                 const std::vector<HostTensor> &values);

struct LoadedExecutable {
  std::string cpu;                              ///< the level that was chosen
  std::string compiler;                         ///< the version that wrote the file
  std::shared_ptr<const Executable> executable; ///< that of the largest batch
  std::shared_ptr<const BatchExecutable> batch; ///< of one size where the file has no range
  /// Of Executable::variables, in the file's pages (private: writing does not reach the file);
  /// empty if the file has none. On a mesh they are whole.
  std::vector<HostTensor> values;
};

/// Loads the most demanding level that this processor has, or that of the name `level`. Errors: not
/// such a file, a newer version, truncated or damaged, no level that runs here (the message lists
/// those that the file has), malformed.
absl::StatusOr<LoadedExecutable> readExecutableFile(const std::string &path,
                                                    const std::string &level = "");

} // namespace weir::runtime
