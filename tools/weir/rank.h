// This process as one of several that mpirun started, of which the first one speaks and writes
// files.
#pragma once

#include "runtime/device/collectives/communicator.h"

#include <functional>
#include <memory>
#include <vector>

namespace weir::tools {

struct Rank {
  std::shared_ptr<runtime::Communicator> communicator; ///< null: nobody started several
  bool isFirst = true;
  int threads = 0; ///< of this process: what was asked for, or its share of the cores
};

/// Called on all ranks that are left when some died: says how many of them go on, the first ones,
/// while the others wait to take the place of the next that dies. Throws where none can.
/// `died`: by the numbers that mpirun gave.
using Regroup = std::function<int(const std::vector<int> &died, int left)>;

/// Runs `body` as a rank where mpirun started us, else as the only process. What it throws on one
/// rank ends it on all; under mpirun it is told here, once for all ranks, and ExitStatus thrown.
/// `patience`: seconds that a rank waits for one that does not come. With `regroup` the death of a
/// rank runs `body` again on those that are left; without one, and where MPI cannot, it ends all.
void asRank(int threads, double patience, const std::function<void(const Rank &)> &body,
            const Regroup &regroup = {});

} // namespace weir::tools
