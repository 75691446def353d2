// From one sharding of a value to another, step by step, each a collective or a local cut.
#pragma once

#include "distributed/sharding/sharding.h"

namespace weir::distributed {

struct Step {
  enum Kind { Split, AsPartial, AllGather, AllReduce, ReduceScatter, AllToAll };
  Kind kind;
  std::vector<int> axes;
  int dim = -1;    ///< that is gathered or split; of all_to_all the one that is split
  int concat = -1; ///< of all_to_all the one that is put together
  Combiner combiner = Combiner::Sum;
  Sharding after;
  double bytes = 0; ///< received by each device
};

/// What takes a value of `shape` from `from` to `to`; `to` may be partial on more axes than `from`
/// (whole values as partial sums), but not on others of another combiner.
std::vector<Step> redistribution(const std::vector<int64_t> &shape, int64_t elementBytes,
                                 const Sharding &from, const Sharding &to, const Mesh &mesh);

/// Bytes that each device receives on the way.
double redistributionBytes(const std::vector<int64_t> &shape, int64_t elementBytes,
                           const Sharding &from, const Sharding &to, const Mesh &mesh);

} // namespace weir::distributed
