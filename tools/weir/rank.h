// This process as one of several that mpirun started, of which the first one speaks and writes
// files.
#pragma once

#include "runtime/device/collectives/communicator.h"

#include <functional>
#include <memory>

namespace weir::tools {

struct Rank {
  std::shared_ptr<runtime::Communicator> communicator; ///< null: nobody started several
  bool isFirst = true;
  int threads = 0; ///< of this process: what was asked for, or its share of the cores
};

/// Runs `body` as a rank where mpirun started us, else as the only process. What it throws on one
/// rank ends it on all; under mpirun it is told here, once for all ranks, and ExitStatus thrown.
/// `patience`: seconds that a rank waits for one that does not come.
void asRank(int threads, double patience, const std::function<void(const Rank &)> &body);

} // namespace weir::tools
