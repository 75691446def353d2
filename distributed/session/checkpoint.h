// Checkpoints of what a mesh has: each process writes the pieces of its devices into one file,
// which is the same, byte for byte, as one device would write. So any mesh reads it, each process
// what its devices have pieces of, and any other tool.
#pragma once

#include "distributed/session/mesh_state.h"
#include "runtime/checkpoint/checkpoint.h"

#include <memory>
#include <optional>

namespace weir::distributed {

/// Replaces `path` with a checkpoint of the variables `names` and then `rest`, or leaves it as it
/// was, on all processes alike. Where devices are in several of these, all call it with the same
/// arguments, and see one file system. Errors: those of runtime::writeCheckpoint, of any process; a
/// variable that there is not, or that has no value.
absl::Status writeCheckpoint(const std::string &path, MeshState &state,
                             const std::vector<std::string> &names,
                             const runtime::Checkpoint &rest);

/// A checkpoint of which each process reads the pieces of its devices and no more. Where devices
/// are in several processes, all of these make the same calls.
class CheckpointReader {
public:
  /// Checks the digest, of which each process sums its own part. Errors: those of
  /// runtime::readCheckpoint, of any process; a variable of `names` that the file or the mesh does
  /// not have, or has of another type.
  static absl::StatusOr<std::unique_ptr<CheckpointReader>>
  open(const std::string &path, MeshState &state, const std::vector<std::string> &names);

  /// The metadata, and the tensors that are no variables.
  const runtime::Checkpoint &rest() const { return others; }
  /// Sets the variables.
  absl::Status restore();
  /// Bytes of tensors that this process has read: `rest`, and the pieces of its devices.
  int64_t bytesRead() const { return read; }

private:
  CheckpointReader(MeshState &state, std::vector<std::string> names)
      : state(state), names(std::move(names)) {}
  absl::Status readHeader(const std::string &path);
  absl::StatusOr<uint64_t> sumDigests();

  MeshState &state;
  const std::vector<std::string> names;
  std::optional<runtime::SafetensorsFile> file;
  std::vector<const runtime::SafetensorsHeader::Entry *> entries; ///< of the variables
  runtime::Checkpoint others;
  std::optional<std::string> digest;
  int64_t read = 0;
};

} // namespace weir::distributed
