// GPUs as ranks, over NCCL: one process (or thread) a GPU, a communicator of NCCL's for each group,
// everything asynchronous on one stream. Another communicator, of hosts (MPI, in-process), carries
// NCCL's unique ids and the news that a rank has given up.
#pragma once

#include "distributed/comm/nccl/nccl_library.h"
#include "runtime/device/collectives/communicator.h"

#include <chrono>
#include <memory>

namespace weir::distributed {

/// The stream that collectives run on, and memory on its device.
class NcclStream {
public:
  virtual ~NcclStream() = default;
  /// A cudaStream_t.
  virtual void *handle() = 0;
  /// Stands for everything that the stream has been given so far.
  virtual absl::StatusOr<uint64_t> mark() = 0;
  virtual absl::StatusOr<bool> isOver(uint64_t mark) = 0;
  virtual absl::Status zero(void *memory, int64_t bytes) = 0;
  /// Eight bytes on the device, for barriers.
  virtual void *word() = 0;
};

struct NcclOptions {
  /// A collective, or the making of a group, that takes longer ends the job.
  std::chrono::milliseconds deadline{120'000};
};

/// Ranks and their numbers are those of `hosts`, which must outlive the communicator. Buffers of
/// collectives are on the stream's device. Groups are made when their first collective starts:
/// ranks come to the groups that they share in one order. Sums of i16 and ui16 are refused, NCCL
/// has none. `traffic` counts the bytes given to NCCL, which alone knows what it sends. Null where
/// nccl() is an error because of how this was built.
std::unique_ptr<runtime::Communicator> makeNcclCommunicator(const NcclTable &table,
                                                            runtime::Communicator &hosts,
                                                            std::unique_ptr<NcclStream> stream,
                                                            NcclOptions options = {});

} // namespace weir::distributed
