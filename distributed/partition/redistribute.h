// From one sharding of a value to another, step by step, each a collective or a local cut: the
// cheapest sequence on a cluster (distributed/plan), remembered.
#pragma once

#include "distributed/plan/redistribute.h"

#include <map>
#include <tuple>

namespace weir::distributed {

struct Step {
  enum Kind { Split, AsPartial, AllGather, AllReduce, ReduceScatter, AllToAll, Permute };
  Kind kind;
  std::vector<int> axes;
  int dim = -1;    ///< that is gathered or split; of all_to_all the one that is split
  int concat = -1; ///< of all_to_all the one that is put together
  Combiner combiner = Combiner::Sum;
  std::vector<int64_t> sources; ///< of a permute: whose piece each device gets
  Sharding after;
  double bytes = 0; ///< received by each device
};

/// Bytes that a device receives in a step over `parts` devices which takes `in` bytes to `out`.
double bytesReceived(Step::Kind kind, double in, double out, double parts);
/// Bytes of a device's piece.
double pieceBytes(const std::vector<int64_t> &shape, int64_t elementBytes, const Sharding &sharding,
                  const Mesh &mesh);

class Redistributor {
public:
  /// Error: a cluster with fewer devices than the mesh.
  static absl::StatusOr<Redistributor> create(const Mesh &mesh, const Cluster &cluster);

  /// What takes a value of `shape` from `from` to `to`; `to` may be a partial sum on more axes than
  /// `from`. The steps stay where they are.
  const std::vector<Step> &steps(const std::vector<int64_t> &shape, runtime::DType dtype,
                                 const Sharding &from, const Sharding &to);
  /// Bytes that each device receives on the way.
  double bytes(const std::vector<int64_t> &shape, runtime::DType dtype, const Sharding &from,
               const Sharding &to);

private:
  Redistributor(const Mesh &mesh, RedistributionPlanner planner)
      : mesh(mesh), planner(std::move(planner)) {}
  std::vector<Step> find(const std::vector<int64_t> &shape, runtime::DType dtype,
                         const Sharding &from, const Sharding &to);

  Mesh mesh;
  RedistributionPlanner planner;
  using Key = std::tuple<std::vector<int64_t>, runtime::DType, std::string, std::string>;
  std::map<Key, std::vector<Step>> known;
};

} // namespace weir::distributed
