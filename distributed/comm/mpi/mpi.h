// Processes under mpirun (or Slurm) as ranks, over MPI's point-to-point messages. Algorithms are
// ours, so order and bytes are those of the other backends. MPI moves messages only inside its
// calls: whoever has several collectives under way calls progress() between kernels.
#pragma once

#include "distributed/comm/mpi/launch.h"
#include "distributed/comm/scheduled_communicator.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::distributed {

/// MPI of this process, from its start to its end. One at a time, and only one ever.
class MpiWorld {
public:
  /// Errors: built without MPI; MPI does not start, or without support for threads.
  static absl::StatusOr<std::unique_ptr<MpiWorld>> create();
  /// Leaves, with no words.
  virtual ~MpiWorld() = default;

  /// Ends MPI with the other ranks; once, without a communicator. After an abort it waits for them
  /// a second, or some for rank 0, and then ends the job. `words` are what went wrong on this rank,
  /// "" where nothing did; rank 0 has told its own. A process that fails ends the others, so before
  /// any rank leaves rank 0 tells, a call each, the words of others that it has not told, with
  /// their rank, and what the job was aborted with. Where rank 0 does not come, the rank that
  /// aborted tells its own.
  virtual void leave(const std::string &words,
                     const std::function<void(const std::string &)> &tell) = 0;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Number of the host of each rank, hosts in order of their first rank.
  virtual const std::vector<int> &nodeOfRank() const = 0;
  /// Between the first `ranks`. Once, and again after `shrink`.
  virtual std::unique_ptr<Transport> transport(int ranks) = 0;

  /// A communicator over `transport()`, of all ranks or the first `ranks` of them; nodes are filled
  /// in where `options` has none.
  std::unique_ptr<ScheduledCommunicator> communicator(CommunicatorOptions options = {},
                                                      int ranks = 0);

  // ---- Ranks that go on where others died ----

  /// Error: why this MPI, or this job, ends when a rank dies.
  virtual absl::Status canShrink() const = 0;
  /// Whether communicators failed because a rank died.
  virtual bool hasLost() const = 0;
  /// All that are left call it when `hasLost`, and are the world from then on: numbered anew in
  /// their order, with no communicator yet. Returns those that died, by the numbers that mpirun
  /// gave. Error: none did.
  virtual absl::StatusOr<std::vector<int>> shrink() = 0;
  /// For a rank that is in no communicator: waits until the others leave, or something goes wrong.
  virtual void standBy() = 0;
};

} // namespace weir::distributed
