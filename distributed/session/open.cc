#include "distributed/session/open.h"

namespace weir::distributed {

absl::StatusOr<std::unique_ptr<MeshSession>>
openMeshSession(runtime::LoadedExecutable loaded,
                const std::shared_ptr<runtime::Communicator> &communicator, int threads) {
  const Mesh mesh = meshOf(*loaded.executable);
  auto state = communicator ? MeshState::ofRank(mesh, communicator, threads)
                            : MeshState::inProcess(mesh, threads);
  if (!state.ok()) return state.status();
  auto session = MeshSession::create(loaded.executable, *state);
  if (!session.ok()) return session.status();
  for (size_t i = 0; i < loaded.values.size(); ++i)
    if (absl::Status s = (*state)->set(loaded.executable->variables[i].name, loaded.values[i]);
        !s.ok())
      return s;
  return session;
}

} // namespace weir::distributed
