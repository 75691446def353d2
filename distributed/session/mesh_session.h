// A session of a program for a mesh: feeds, fetches and variables are whole tensors, as if there
// were one device. Cuts feeds into the devices' pieces, runs every device of this process, joins
// what they return.
#pragma once

#include "distributed/session/mesh_state.h"
#include "runtime/executor/session.h"

namespace weir::distributed {

/// The mesh that a program is for.
Mesh meshOf(const runtime::Executable &executable);

/// One run at a time. After a run that failed, variables have no values until they are set again;
/// with all devices in this process the next run starts afresh.
class MeshSession {
public:
  /// Errors: those of Session::create; the program is for another mesh than `state`.
  static absl::StatusOr<std::unique_ptr<MeshSession>>
  create(std::shared_ptr<const runtime::Executable> executable, std::shared_ptr<MeshState> state);

  /// Feeds in the order of Executable::inputs; the outputs at positions `fetches`. Where devices
  /// are in several processes, all of these call it with the same values.
  absl::StatusOr<std::vector<runtime::HostTensor>>
  run(const std::vector<runtime::HostTensor> &feeds, const std::vector<int32_t> &fetches);

  /// All outputs.
  absl::StatusOr<std::vector<runtime::HostTensor>>
  run(const std::vector<runtime::HostTensor> &feeds);
  absl::StatusOr<runtime::HostTensor> getVariable(const std::string &name) const {
    return devices->get(name);
  }
  absl::Status setVariable(const std::string &name, const runtime::HostTensor &whole) {
    return devices->set(name, whole);
  }

  /// As Session::cancel, on all devices.
  void cancel();

  const runtime::Executable &executable() const { return *compiled; }
  const std::shared_ptr<MeshState> &state() const { return devices; }
  /// The session of a device of this process.
  runtime::Session &session(size_t here) const { return *sessions[here]; }
  /// What the devices of this process have sent since the communicators were made.
  runtime::Traffic traffic() const;

private:
  MeshSession(std::shared_ptr<const runtime::Executable> executable,
              std::shared_ptr<MeshState> state)
      : compiled(std::move(executable)), devices(std::move(state)) {}
  absl::Status readPorts();
  absl::Status load();
  absl::Status checkFeeds(const std::vector<runtime::HostTensor> &feeds,
                          const std::vector<int32_t> &fetches) const;

  std::shared_ptr<const runtime::Executable> compiled;
  std::shared_ptr<MeshState> devices;
  std::vector<MeshPort> inputs, outputs;
  size_t layout = 0;
  int generation = -1; ///< of the state that sessions were made for
  std::vector<std::unique_ptr<runtime::Session>> sessions;
  std::atomic<bool> running{false};
};

} // namespace weir::distributed
