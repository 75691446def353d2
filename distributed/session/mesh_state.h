// The devices of a mesh that are in this process, and the variables of the programs that run on
// them. All of a mesh's devices are here, a thread each; or one is, under mpirun, and the others
// are in other processes that make the same calls.
//
// Each device keeps its pieces of the variables. Programs may want a variable cut in different
// ways: its value goes to whoever runs, when it runs.
#pragma once

#include "distributed/comm/in_process.h"
#include "distributed/session/workers.h"
#include "distributed/sharding/pieces.h"
#include "runtime/device/cpu/thread_pool.h"
#include "runtime/memory/variable_store.h"

#include <map>
#include <memory>

namespace weir::distributed {

/// A feed, fetch or variable of a program for a mesh.
struct MeshPort {
  runtime::DType dtype;
  std::vector<int64_t> dims; ///< of the whole
  Sharding sharding;
  bool operator==(const MeshPort &) const = default;
};
/// Error: the sharding does not read, or does not give the piece that the program has.
template <typename Port> absl::StatusOr<MeshPort> meshPort(const Port &port, const Mesh &mesh);

class MeshState {
public:
  /// All devices in this process. `threads` are shared by them, 0: as many as the process's pool
  /// has; each has one at least.
  static std::shared_ptr<MeshState> inProcess(const Mesh &mesh, int threads,
                                              const CommunicatorOptions &options = {},
                                              Padding padding = Padding::Zeros);
  /// One device, the communicator's rank. Error: it has not as many ranks as the mesh has devices.
  static absl::StatusOr<std::shared_ptr<MeshState>>
  ofRank(const Mesh &mesh, std::shared_ptr<runtime::Communicator> communicator, int threads);

  /// What fills pieces behind their elements.
  Padding padding() const { return fill; }
  const Mesh &mesh() const { return devicesOf; }
  /// Devices here, and their numbers on the mesh.
  size_t size() const { return communicators.size(); }
  /// Whether all devices are here; else each is in a process of its own.
  bool isAlone() const { return static_cast<int64_t>(size()) == devicesOf.devices(); }
  int64_t device(size_t here) const { return communicators[here]->rank(); }
  const std::shared_ptr<runtime::Communicator> &communicator(size_t here) const {
    return communicators[here];
  }
  const std::shared_ptr<runtime::ThreadPool> &pool(size_t here) const { return pools[here]; }

  /// Calls `body` for each device here, on its thread. A device whose status is not OK ends the
  /// collectives of all. Returns the first such status.
  absl::Status onDevices(const std::function<absl::Status(size_t here)> &body);
  /// Communicators that an error ended are made anew where all devices are here. Counts that.
  absl::Status recover();
  int generation() const { return generations; }

  /// The whole of what devices have pieces of: of those here, in order. Where they are in several
  /// processes all of these call it.
  absl::StatusOr<runtime::HostTensor> join(const std::vector<runtime::HostTensor> &pieces,
                                           const MeshPort &port);

  /// One of all devices; `counts` are to be said.
  runtime::CollectiveSpec worldCollective(runtime::CollectiveKind kind, runtime::DType dtype,
                                          std::string name) const;
  /// A collective of the processes that have a device each.
  absl::Status communicate(const runtime::CollectiveSpec &spec, const void *input, void *output);
  /// The first process's status that is not OK, on all of them; `what` they are at, for messages.
  absl::Status agree(const absl::Status &mine, const std::string &what);
  /// The sum over all processes.
  absl::StatusOr<uint64_t> sum(uint64_t mine, const std::string &what);

  // ---- Variables ----

  /// Storage for the variables of a program; a number to ask for it by.
  absl::StatusOr<size_t> declare(const std::vector<runtime::Variable> &variables);
  const std::shared_ptr<runtime::VariableStore> &store(size_t layout, size_t here) const {
    return layouts[layout].stores[here];
  }
  /// Brings the values of a program's variables to where it has them. Error: one has no value.
  absl::Status bring(size_t layout, const std::vector<runtime::Variable> &variables);
  absl::Status set(const std::string &name, const runtime::HostTensor &whole);
  /// Of pieces, which `piece` makes for each device here.
  absl::Status setPieces(const std::string &name,
                         const std::function<runtime::HostTensor(size_t here)> &piece);
  absl::StatusOr<runtime::HostTensor> get(const std::string &name);
  bool hasValue(const std::string &name) const;
  /// How a variable is cut where its value is now; null: there is none of that name.
  const MeshPort *port(const std::string &name) const;
  /// What a device here has of it.
  const std::byte *piece(const std::string &name, size_t here) const;

private:
  /// Variables that lie one way each.
  struct Layout {
    std::map<std::string, MeshPort> ports;
    std::vector<std::shared_ptr<runtime::VariableStore>> stores; ///< of each device here
  };
  MeshState(Mesh mesh, CommunicatorOptions options)
      : devicesOf(std::move(mesh)), options(std::move(options)) {}
  void start(int threads);
  absl::Status store(size_t layout, const std::string &name, const runtime::HostTensor &whole);

  Mesh devicesOf;
  CommunicatorOptions options;
  std::vector<std::shared_ptr<runtime::Communicator>> communicators;
  std::vector<std::shared_ptr<runtime::ThreadPool>> pools;
  std::unique_ptr<Workers> workers;
  absl::Status broken; ///< what ended the communicators
  int generations = 0;
  Padding fill = Padding::Zeros;
  std::vector<Layout> layouts;
  std::map<std::string, size_t> home; ///< the layout that has the value
};

} // namespace weir::distributed
