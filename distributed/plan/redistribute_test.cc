// Moves do what they say, element by element; and no sequence of collectives is cheaper than the
// one that the planner finds: an exhaustive search over all shardings of small meshes, whose edges
// are worked out from the elements that devices hold and not from the planner's rules.
#include "distributed/plan/redistribute.h"

#include "absl/strings/str_cat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

namespace weir::distributed {
namespace {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::DType;
using runtime::ReduceOp;

Mesh mesh(const char *text) {
  return *parseMesh(text);
}
Sharding sharding(const char *text, const Mesh &on) {
  auto result = parseSharding(text, on);
  EXPECT_TRUE(result.ok()) << text << ": " << result.status();
  return *result;
}

Redistribution planned(const char *meshText, std::vector<int64_t> shape, const char *from,
                       const char *to) {
  Mesh on = mesh(meshText);
  auto planner = RedistributionPlanner::create(on, oneNode(int(on.devices())));
  auto plan = planner->plan(shape, DType::F32, sharding(from, on), sharding(to, on));
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}
std::vector<std::string> names(const Redistribution &plan) {
  std::vector<std::string> result;
  for (const Move &move : plan.moves) result.push_back(moveName(move.kind));
  return result;
}
using testing::ElementsAre;

// features: P11
TEST(Redistribution, TakesTheCollectiveMadeForTheCase) {
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{x},{}]", "[{x},{}]")), ElementsAre());
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{},{}]", "[{x},{}]")), ElementsAre("slice"));
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{x},{}]", "[{},{}]")), ElementsAre("all_gather"));
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{x},{}]", "[{},{x}]")), ElementsAre("all_to_all"));
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{},{}] partial(sum){x}", "[{},{}]")),
              ElementsAre("all_reduce"));
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{},{}] partial(sum){x}", "[{},{x}]")),
              ElementsAre("reduce_scatter"));
  EXPECT_THAT(names(planned("x=4", {64, 64}, "[{},{}]", "[{},{}] partial(sum){x}")),
              ElementsAre("mask"));
  EXPECT_THAT(names(planned("x=2,y=2", {64, 64}, "[{x},{}]", "[{y},{}]")), ElementsAre("permute"));
  EXPECT_THAT(names(planned("x=2,y=2", {64, 64}, "[{x,y},{}]", "[{y,x},{}]")),
              ElementsAre("permute"));
}

TEST(Redistribution, CutsFirstAndGathersLast) {
  EXPECT_THAT(names(planned("x=2,y=2", {512, 512}, "[{},{}] partial(sum){x}", "[{y},{x}]")),
              ElementsAre("slice", "reduce_scatter"));
  EXPECT_THAT(names(planned("x=2,y=2", {4, 4}, "[{},{}] partial(sum){x,y}", "[{},{}]")),
              ElementsAre("all_reduce"));
  // Two messages in a row instead of three, and the same bytes.
  EXPECT_THAT(names(planned("x=2,y=2", {512, 512}, "[{x,y},{}]", "[{},{}]")),
              ElementsAre("all_gather", "all_gather"));
}

TEST(Redistribution, PrintsItsMoves) {
  Redistribution plan = planned("x=4", {64, 64}, "[{x},{}]", "[{},{x}]");
  EXPECT_EQ(plan.bytes, 4 * 3 * (16 * 16) * 4);
  EXPECT_THAT(plan.str(mesh("x=4")),
              testing::HasSubstr("all_to_all {x} dim 0 to dim 1 -> [{},{x}], direct, "));
}

TEST(Redistribution, RefusesWhatDoesNotFit) {
  Mesh on = mesh("x=4");
  EXPECT_EQ(RedistributionPlanner::create(on, oneNode(2)).status().message(),
            "mesh x=4 has 4 devices, the cluster 2");
  auto planner = RedistributionPlanner::create(on, oneNode(4));
  auto error = [&](const char *from, const char *to) {
    auto plan = planner->plan({8, 8}, DType::F32, sharding(from, on), sharding(to, on));
    return plan.ok() ? "" : std::string(plan.status().message());
  };
  EXPECT_EQ(error("[{x}]", "[{},{}]"), "sharding [{x}] of a value of 2 dims");
  EXPECT_EQ(error("[{},{}] partial(sum){x}", "[{},{}] partial(max){x}"),
            "from [{},{}] partial(sum){x} to [{},{}] partial(max){x}: the partial values combine "
            "differently");
}

// ---- From first principles ----

/// What a device holds of every dim.
struct Held {
  std::vector<Piece> pieces;
  std::vector<int64_t> stored;
};

struct World {
  Mesh mesh;
  std::vector<int64_t> shape;
  Cluster cluster;
  std::vector<Sharding> all;

  World(const char *meshText, std::vector<int64_t> shape, const std::string &clusterText = "")
      : mesh(*parseMesh(meshText)), shape(std::move(shape)),
        cluster(clusterText.empty() ? oneNode(int(mesh.devices()))
                                    : *parseCluster(clusterText, "c")) {
    enumerate(0, Sharding::replicated(this->shape.size()));
  }

  Held held(const Sharding &s, int64_t device) const {
    Held result{{}, localShape(shape, s, mesh)};
    for (size_t d = 0; d < shape.size(); ++d)
      result.pieces.push_back(pieceOf(shape[d], s.dims[d], mesh, device));
    return result;
  }
  int64_t elements(const Sharding &s) const {
    auto local = localShape(shape, s, mesh);
    return std::accumulate(local.begin(), local.end(), int64_t(1), std::multiplies<>());
  }

private:
  /// Every place of every axis: none, partial, or anywhere in the list of a dim.
  void enumerate(int axis, Sharding s) {
    if (axis == int(mesh.axes.size())) {
      all.push_back(s);
      return;
    }
    enumerate(axis + 1, s);
    Sharding partial = s;
    partial.partial.push_back(axis);
    enumerate(axis + 1, partial);
    for (size_t d = 0; d < shape.size(); ++d)
      for (size_t at = 0; at <= s.dims[d].size(); ++at) {
        Sharding split = s;
        split.dims[d].insert(split.dims[d].begin() + std::ptrdiff_t(at), axis);
        enumerate(axis + 1, split);
      }
  }
};

/// Do the pieces of the members, each stored in `stored` elements, lie one after the other and make
/// `whole`? Ends are padding.
bool concatenate(const std::vector<Piece> &pieces, int64_t stored, Piece whole) {
  int64_t valid = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    int64_t begin = std::min(whole.offset + int64_t(i) * stored, whole.offset + whole.count);
    if (pieces[i].count > 0 && pieces[i].offset != begin) return false;
    if (pieces[i].count != std::clamp<int64_t>(whole.offset + whole.count - begin, 0, stored))
      return false;
    valid += pieces[i].count;
  }
  return valid == whole.count;
}

bool subset(Piece inner, Piece outer) {
  return inner.count == 0 ||
         (inner.offset >= outer.offset && inner.offset + inner.count <= outer.offset + outer.count);
}

std::vector<int> minus(const std::vector<int> &from, const std::vector<int> &axes) {
  std::vector<int> rest;
  for (int axis : from)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) rest.push_back(axis);
  return rest;
}
bool contains(const std::vector<int> &all, const std::vector<int> &some) {
  return minus(some, all).empty();
}

/// Dims in which anything changes, and whether members of each group over `axes` can make the
/// change along them: joined along `join`, cut along `cut` (-1: no dim).
bool changes(const World &w, const Sharding &a, const Sharding &b, const std::vector<int> &axes,
             int join, int cut) {
  for (const auto &group : w.mesh.groups(axes)) {
    std::vector<Held> before, after;
    for (int64_t device : group) {
      before.push_back(w.held(a, device));
      after.push_back(w.held(b, device));
    }
    for (size_t d = 0; d < w.shape.size(); ++d) {
      std::vector<Piece> old, now;
      for (size_t i = 0; i < group.size(); ++i) {
        old.push_back(before[i].pieces[d]);
        now.push_back(after[i].pieces[d]);
      }
      for (size_t i = 0; i < group.size(); ++i) {
        if (int(d) == join && !concatenate(old, before[i].stored[d], now[i])) return false;
        if (int(d) == cut && !concatenate(now, after[i].stored[d], old[i])) return false;
        bool same = old[i] == now[i] && before[i].stored[d] == after[i].stored[d];
        if (int(d) != join && int(d) != cut && !same) return false;
      }
    }
  }
  return true;
}

bool canSlice(const World &w, const Sharding &a, const Sharding &b) {
  if (a.partial != b.partial) return false;
  for (int64_t device = 0; device < w.mesh.devices(); ++device)
    for (size_t d = 0; d < w.shape.size(); ++d)
      if (!subset(w.held(b, device).pieces[d], w.held(a, device).pieces[d])) return false;
  return true;
}

/// Axes over which all members of a group hold the same.
bool replicatedOver(const Sharding &s, const std::vector<int> &axes) {
  return std::none_of(axes.begin(), axes.end(), [&](int axis) { return s.uses(axis); });
}

class Exhaustive {
public:
  explicit Exhaustive(const World &w) : w(w) {}

  /// Seconds of the cheapest single step from a to b; infinity where there is none.
  double edge(const Sharding &a, const Sharding &b) {
    double best = std::numeric_limits<double>::infinity();
    if (canSlice(w, a, b)) best = 0;
    if (a.dims == b.dims && contains(b.partial, a.partial) &&
        replicatedOver(a, minus(b.partial, a.partial)))
      best = 0;
    for (const std::vector<int> &axes : axisLists()) {
      size_t n = size_t(w.mesh.size(axes));
      std::vector<int> sorted = axes;
      std::sort(sorted.begin(), sorted.end());
      bool reduces = contains(a.partial, axes) && minus(a.partial, axes) == b.partial;
      if (reduces && a.dims == b.dims)
        best = std::min(best, price(CollectiveKind::AllReduce, axes, {w.elements(a)}));
      int rank = int(w.shape.size());
      for (int cut = 0; reduces && cut < rank; ++cut)
        if (changes(w, a, b, axes, -1, cut))
          best = std::min(best, price(CollectiveKind::ReduceScatter, axes,
                                      std::vector<int64_t>(n, w.elements(b))));
      if (a.partial != b.partial) continue;
      for (int join = 0; join < rank; ++join) {
        if (changes(w, a, b, axes, join, -1) && replicatedOver(b, axes))
          best = std::min(
              best, price(CollectiveKind::AllGather, axes, std::vector<int64_t>(n, w.elements(a))));
        for (int cut = 0; cut < rank; ++cut)
          if (cut != join && changes(w, a, b, axes, join, cut)) {
            int64_t each =
                w.elements(a) / w.held(a, 0).stored[size_t(cut)] * w.held(b, 0).stored[size_t(cut)];
            best = std::min(best,
                            price(CollectiveKind::AllToAll, axes, std::vector<int64_t>(n, each)));
          }
      }
    }
    for (const Move &move : movesFrom(a, w.shape, DType::F32, w.mesh)) // swaps are tested below
      if (move.kind == Move::Permute && move.after == b)
        best = std::min(best, choose(move.spec, groups(move.axes), w.cluster).cost.seconds);
    return best;
  }

private:
  std::vector<std::vector<int>> axisLists() const {
    std::vector<std::vector<int>> lists;
    for (unsigned mask = 1; mask < 1u << w.mesh.axes.size(); ++mask) {
      std::vector<int> list;
      for (int axis = 0; axis < int(w.mesh.axes.size()); ++axis)
        if (mask >> axis & 1) list.push_back(axis);
      do lists.push_back(list);
      while (std::next_permutation(list.begin(), list.end()));
    }
    return lists;
  }
  std::vector<std::vector<int>> groups(const std::vector<int> &axes) const {
    std::vector<std::vector<int>> result;
    for (const auto &group : w.mesh.groups(axes)) result.emplace_back(group.begin(), group.end());
    return result;
  }
  double price(CollectiveKind kind, const std::vector<int> &axes, std::vector<int64_t> counts) {
    auto [at, isNew] = prices.try_emplace({kind, axes, counts});
    if (isNew) {
      CollectiveSpec spec{kind, {}, DType::F32, ReduceOp::Sum, 0, counts};
      if (kind == CollectiveKind::AllToAll) spec.receiveCounts = counts;
      at->second = choose(spec, groups(axes), w.cluster).cost.seconds;
    }
    return at->second;
  }

  const World &w;
  std::map<std::tuple<CollectiveKind, std::vector<int>, std::vector<int64_t>>, double> prices;
};

/// Shortest paths between all shardings, by trying every one in between.
std::vector<std::vector<double>> shortest(const World &w) {
  Exhaustive search(w);
  size_t n = w.all.size();
  std::vector<std::vector<double>> length(n, std::vector<double>(n));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) length[i][j] = i == j ? 0 : search.edge(w.all[i], w.all[j]);
  for (size_t k = 0; k < n; ++k)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        length[i][j] = std::min(length[i][j], length[i][k] + length[k][j]);
  return length;
}

const char *kTwoNodes = "link s latency 2us bandwidth 5GB/s\nlink w latency 20us bandwidth 1GB/s\n"
                        "node a devices 2 link s\nnode b devices 2 link s\nbetween a b link w\n";

std::vector<World> worlds() {
  return {World("x=2", {6, 4}),         World("x=3", {7, 5}),
          World("x=2,y=2", {8, 12}),    World("x=2,y=2", {400, 600}),
          World("x=2,y=2", {5, 7}),     World("x=2,y=3", {6, 9}),
          World("x=2,y=3", {7, 11}),    World("x=2,y=2", {400, 600}, kTwoNodes),
          World("x=2,y=2,z=2", {1000}), World("x=2,y=2", {3, 5, 2})};
}

// features: P11
TEST(Search, FindsNothingDearerThanAnExhaustiveSearch) {
  int64_t pairs = 0;
  for (const World &w : worlds()) {
    std::vector<std::vector<double>> length = shortest(w);
    auto planner = RedistributionPlanner::create(w.mesh, w.cluster);
    ASSERT_TRUE(planner.ok()) << planner.status();
    for (size_t i = 0; i < w.all.size(); ++i)
      for (size_t j = 0; j < w.all.size(); ++j) {
        auto plan = planner->plan(w.shape, DType::F32, w.all[i], w.all[j]);
        ASSERT_TRUE(plan.ok()) << plan.status();
        EXPECT_NEAR(plan->seconds, length[i][j], 1e-12)
            << w.all[i].str(w.mesh) << " to " << w.all[j].str(w.mesh) << " on " << w.mesh.str()
            << "\n"
            << plan->str(w.mesh);
        ++pairs;
      }
  }
  EXPECT_GT(pairs, 2000);
}

/// What is wrong with a move, from the elements that devices hold.
std::string wrong(const World &w, const Sharding &a, const Move &move) {
  const Sharding &b = move.after;
  bool ok = false;
  switch (move.kind) {
  case Move::Slice:
    ok = canSlice(w, a, b);
    break;
  case Move::Mask:
    ok = a.dims == b.dims && minus(b.partial, move.axes) == a.partial &&
         replicatedOver(a, move.axes);
    break;
  case Move::AllReduce:
    ok = a.dims == b.dims && minus(a.partial, move.axes) == b.partial;
    break;
  case Move::ReduceScatter:
    ok = minus(a.partial, move.axes) == b.partial && changes(w, a, b, move.axes, -1, move.to);
    break;
  case Move::AllGather:
    ok = a.partial == b.partial && changes(w, a, b, move.axes, move.from, -1);
    break;
  case Move::AllToAll:
    ok = a.partial == b.partial && changes(w, a, b, move.axes, move.from, move.to);
    break;
  case Move::Permute: {
    ok = a.partial == b.partial && int64_t(move.spec.pairs.size()) == w.mesh.devices();
    for (auto [source, target] : move.spec.pairs) {
      ok &= w.held(a, source).pieces == w.held(b, target).pieces;
      ok &= w.mesh.position(source, a.partial) == w.mesh.position(target, a.partial);
    }
  }
  }
  return ok ? ""
            : absl::StrCat(moveName(move.kind), " from ", a.str(w.mesh), " to ", b.str(w.mesh));
}

TEST(Moves, GiveEveryDeviceTheElementsOfTheNewSharding) {
  for (const World &w : worlds())
    for (const Sharding &from : w.all)
      for (const Move &move : movesFrom(from, w.shape, DType::F32, w.mesh))
        EXPECT_EQ(wrong(w, from, move), "");
}

} // namespace
} // namespace weir::distributed
