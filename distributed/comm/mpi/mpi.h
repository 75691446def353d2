// Processes under mpirun (or Slurm) as ranks, over MPI's point-to-point messages. Algorithms are
// ours, so order and bytes are those of the other backends. MPI moves messages only inside its
// calls: whoever has several collectives under way calls progress() between kernels.
#pragma once

#include "distributed/comm/scheduled_communicator.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::distributed {

/// Was this process started by mpirun or srun as one of several?
bool underMpirun();

/// MPI of this process, from its start to its end. One at a time, and only one ever.
class MpiWorld {
public:
  /// Errors: built without MPI; MPI does not start, or without support for threads.
  static absl::StatusOr<std::unique_ptr<MpiWorld>> create();
  /// Ends MPI with the other ranks. After an abort it waits for them a second and then ends the
  /// job.
  virtual ~MpiWorld() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Number of the host of each rank, hosts in order of their first rank.
  virtual const std::vector<int> &nodeOfRank() const = 0;
  /// Once.
  virtual std::unique_ptr<Transport> transport() = 0;

  /// A communicator over `transport()`; nodes are filled in where `options` has none.
  std::unique_ptr<ScheduledCommunicator> communicator(CommunicatorOptions options = {});
};

} // namespace weir::distributed
