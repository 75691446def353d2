// Checkpoints of what a mesh has: each process writes the pieces of its devices into one file,
// which is the same, byte for byte, as one device would write. So any mesh reads it, and any other
// tool.
#pragma once

#include "distributed/session/mesh_state.h"
#include "runtime/checkpoint/checkpoint.h"

namespace weir::distributed {

/// Replaces `path` with a checkpoint of the variables `names` and then `rest`, or leaves it as it
/// was, on all processes alike. Where devices are in several of these, all call it with the same
/// arguments, and see one file system. Errors: those of runtime::writeCheckpoint, of any process; a
/// variable that there is not, or that has no value.
absl::Status writeCheckpoint(const std::string &path, MeshState &state,
                             const std::vector<std::string> &names,
                             const runtime::Checkpoint &rest);

} // namespace weir::distributed
