// A session of a .weirx file for a mesh: runtime/executor/open.h for several devices.
#pragma once

#include "distributed/session/mesh_session.h"
#include "runtime/artifact/file/executable_file.h"

namespace weir::distributed {

/// All devices in this process, sharing `threads` threads (0: as many as there are cores); or, with
/// a communicator, its rank. The file's values become the variables: each device takes its piece of
/// what is mapped. Errors: those of MeshSession::create and MeshState::ofRank.
absl::StatusOr<std::unique_ptr<MeshSession>>
openMeshSession(runtime::LoadedExecutable loaded,
                const std::shared_ptr<runtime::Communicator> &communicator, int threads);

} // namespace weir::distributed
