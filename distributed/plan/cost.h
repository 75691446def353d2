// What a collective costs on a cluster: its schedules are played through on a model in which a
// message of b bytes takes latency + b / bandwidth and has the sender's way out and the receiver's
// way in to itself for that time. Inside a node each device has such ways; between nodes the node
// has one of each, which its devices share.
#pragma once

#include "distributed/comm/schedule.h"
#include "distributed/plan/cluster.h"

#include <functional>

namespace weir::distributed {

struct Cost {
  double seconds = 0;
  int64_t intraBytes = 0, interBytes = 0; ///< of all ranks together
  int64_t mostSent = 0;                   ///< by one rank
};

/// Of the collective `spec` run by all `groups` at the same time, each a list of ranks (the group
/// of `spec` is not looked at). An all_to_all has the same counts on every member.
Cost predict(Algorithm algorithm, const runtime::CollectiveSpec &spec,
             const std::vector<std::vector<int>> &groups, const Cluster &cluster);

struct Choice {
  Algorithm algorithm = Algorithm::Direct;
  Cost cost;
};
/// The fastest algorithm that all groups support; of equally fast ones the first of Direct, Tree,
/// Ring, Hierarchical.
Choice choose(const runtime::CollectiveSpec &spec, const std::vector<std::vector<int>> &groups,
              const Cluster &cluster);

/// For CommunicatorOptions: the choice for a collective of its own group alone. All members come to
/// the same one.
std::function<Algorithm(const runtime::CollectiveSpec &, const Topology &)>
chooser(const Cluster &cluster);

/// Every algorithm with its predicted time and bytes, the chosen one marked: a line each.
std::string describeChoice(const runtime::CollectiveSpec &spec,
                           const std::vector<std::vector<int>> &groups, const Cluster &cluster);

} // namespace weir::distributed
