// The cheapest way from one sharding of a value to another: a shortest path over shardings, whose
// edges are single collectives over mesh axes and steps that move nothing.
#pragma once

#include "distributed/plan/cost.h"
#include "distributed/sharding/sharding.h"

#include <map>
#include <tuple>

namespace weir::distributed {

/// One step. `axes` are the mesh axes it acts over, major first.
struct Move {
  enum Kind : uint8_t {
    Slice,         ///< every device keeps its piece: `axes` split `to`, after those that do. Free
    Mask,          ///< `axes` become partial: the first device keeps its value, the others take the
                   ///< combiner's neutral element (max and min: all keep it). Free
    AllGather,     ///< `axes`, the last ones that split `from`, split it no more
    AllReduce,     ///< partial over `axes` no more
    ReduceScatter, ///< partial over `axes` no more; they split `to`, after those that do
    AllToAll,      ///< `axes`, the last ones that split `from`, split `to`, after those that do
    Permute        ///< devices swap pieces of equal shape; `axes` are those whose role changes
  };
  Kind kind;
  std::vector<int> axes;
  int from = -1, to = -1; ///< dims
  Sharding after;
  /// What every device does; none for the free kinds. Counts are the stored, padded ones.
  runtime::CollectiveSpec spec;
  Choice choice;

  bool isFree() const { return kind == Slice || kind == Mask; }
};
const char *moveName(Move::Kind kind);

struct Redistribution {
  std::vector<Move> moves;
  double seconds = 0;
  int64_t bytes = 0; ///< sent by all devices together

  /// A line for each move: name, axes, dims, sharding after it, algorithm, time, bytes.
  std::string str(const Mesh &mesh) const;
};

/// Moves that lead on from a sharding. With several axes on one dim only where
/// their pieces lie one after the other.
std::vector<Move> movesFrom(const Sharding &from, const std::vector<int64_t> &shape,
                            runtime::DType dtype, const Mesh &mesh);

/// Finds the cheapest sequences on a mesh, whose devices are the cluster's in order. Remembers what
/// collectives cost. Besides, each move costs kSecondsPerMove, so that of equal ways the shorter
/// wins.
class RedistributionPlanner {
public:
  static constexpr double kSecondsPerMove = 1e-9;

  /// `memory` is how many bytes a second a device writes: then a move also costs writing what a
  /// device has after it, and ways of many steps that a model of links finds a little better do not
  /// pay. 0: that takes no time. Error: a cluster with fewer devices than the mesh.
  static absl::StatusOr<RedistributionPlanner> create(const Mesh &mesh, const Cluster &cluster,
                                                      double memory = 0);

  /// Errors: shardings of another rank than the shape, two combiners.
  absl::StatusOr<Redistribution> plan(const std::vector<int64_t> &shape, runtime::DType dtype,
                                      const Sharding &from, const Sharding &to);

private:
  RedistributionPlanner(const Mesh &mesh, const Cluster &cluster, double memory)
      : mesh(mesh), cluster(cluster), memory(memory) {}
  double writing(const std::vector<int64_t> &shape, runtime::DType dtype,
                 const Sharding &sharding) const;
  const Choice &price(const Move &move);

  Mesh mesh;
  Cluster cluster;
  double memory;
  using Key = std::tuple<runtime::CollectiveKind, runtime::DType, std::vector<int>,
                         std::vector<int64_t>, std::vector<std::pair<int, int>>>;
  std::map<Key, Choice> prices;
};

} // namespace weir::distributed
