// Devices of one process as ranks, a thread each: a message is one copy from the sender's memory to
// the receiver's, made by whichever comes second. For tests of sharded programs on one machine and
// for several CPU devices in one process.
#pragma once

#include "distributed/comm/scheduled_communicator.h"

#include <functional>
#include <memory>
#include <vector>

namespace weir::distributed {

/// Transports of ranks 0 .. ranks-1, each for a thread of its own.
std::vector<std::unique_ptr<Transport>> inProcessTransports(int ranks);

/// The same as communicators. `options` is for all of them.
std::vector<std::unique_ptr<runtime::Communicator>>
inProcessCommunicators(int ranks, const CommunicatorOptions &options = {});

/// Calls `body` for every rank on a thread of its own and returns the statuses in order. A rank
/// that fails aborts the others.
std::vector<absl::Status>
runInProcess(int ranks, const CommunicatorOptions &options,
             const std::function<absl::Status(runtime::Communicator &)> &body);

} // namespace weir::distributed
