// What the collectives of a compiled program cost in one run: from its instructions, before it
// runs.
#pragma once

#include "distributed/plan/cost.h"
#include "runtime/artifact/executable.h"

namespace weir::distributed {

struct ProgramCost {
  int64_t collectives = 0; ///< started by each device
  Cost cost;               ///< times one after the other, bytes of all devices
  bool isExact = true;     ///< false: of the costlier side of ifs, and of one trip of whiles
};

/// With the fastest algorithm for each (`choose`), as `chooser` gives a communicator. The mesh has
/// at most as many devices as the cluster.
ProgramCost costOf(const runtime::Executable &executable, const Cluster &cluster);

} // namespace weir::distributed
