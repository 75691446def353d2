// A double of NCCL for tests without a GPU: ranks are threads of this process, memory is the
// host's, and each rank's stream runs what it was given in its order, a call when all that must
// take part in it have come to theirs. So what would hang on GPUs hangs here. Calls are written
// down.
#pragma once

#include "distributed/comm/nccl/nccl.h"

#if WEIR_HAVE_NCCL

#include <string>
#include <vector>

namespace weir::distributed {

/// The last one made is the process's NCCL until it is gone.
class RecordingNccl {
public:
  /// `ranks` of them have streams.
  explicit RecordingNccl(int ranks);
  ~RecordingNccl();

  const NcclTable &table() const { return functions; }
  /// The stream of a rank, for its communicator.
  std::unique_ptr<NcclStream> stream(int rank);
  /// What a rank has called: "all_reduce f32[4] sum", "group(send 16 to 1, receive 16 from 0)".
  std::vector<std::string> calls(int rank) const;

  struct State;

private:
  NcclTable functions;
  std::unique_ptr<State> state;
};

} // namespace weir::distributed

#endif
