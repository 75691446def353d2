// Dijkstra over shardings.
#include "distributed/plan/redistribute.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include <algorithm>
#include <limits>
#include <map>
#include <queue>
#include <tuple>

namespace weir::distributed {

namespace {

/// Seconds, then bytes.
using Length = std::pair<double, int64_t>;

int64_t bytesOf(const Cost &cost) {
  return cost.intraBytes + cost.interBytes;
}

struct Place {
  Length length{std::numeric_limits<double>::infinity(), 0};
  bool settled = false;
  std::string before; ///< the sharding that it was reached from
  Move move;
};

absl::Status check(const std::vector<int64_t> &shape, const Sharding &from, const Sharding &to,
                   const Mesh &mesh) {
  for (const Sharding *sharding : {&from, &to})
    if (sharding->dims.size() != shape.size())
      return absl::InvalidArgumentError(
          absl::StrCat("sharding ", sharding->str(mesh), " of a value of ", shape.size(), " dims"));
  if (from.isPartial() && to.isPartial() && from.combiner != to.combiner)
    return absl::InvalidArgumentError(absl::StrCat("from ", from.str(mesh), " to ", to.str(mesh),
                                                   ": the partial values combine differently"));
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<RedistributionPlanner>
RedistributionPlanner::create(const Mesh &mesh, const Cluster &cluster, double memory) {
  if (cluster.devices() < mesh.devices())
    return absl::InvalidArgumentError(absl::StrCat("mesh ", mesh.str(), " has ", mesh.devices(),
                                                   " devices, the cluster ", cluster.devices()));
  return RedistributionPlanner(mesh, cluster, memory);
}

/// Seconds to write the piece that a device has.
double RedistributionPlanner::writing(const std::vector<int64_t> &shape, runtime::DType dtype,
                                      const Sharding &sharding) const {
  if (memory <= 0) return 0;
  double bytes = static_cast<double>(runtime::dtypeBytes(dtype));
  for (int64_t size : localShape(shape, sharding, mesh)) bytes *= static_cast<double>(size);
  return bytes / memory;
}

const Choice &RedistributionPlanner::price(const Move &move) {
  Key key{move.spec.kind, move.spec.dtype, move.axes, move.spec.counts, move.spec.pairs};
  auto [at, isNew] = prices.try_emplace(std::move(key));
  if (isNew) {
    std::vector<std::vector<int>> groups;
    for (const std::vector<int64_t> &group : mesh.groups(move.axes))
      groups.emplace_back(group.begin(), group.end());
    at->second = choose(move.spec, groups, cluster);
  }
  return at->second;
}

absl::StatusOr<Redistribution> RedistributionPlanner::plan(const std::vector<int64_t> &shape,
                                                           runtime::DType dtype,
                                                           const Sharding &from,
                                                           const Sharding &to) {
  if (absl::Status status = check(shape, from, to, mesh); !status.ok()) return status;
  std::map<std::string, Place> places;
  using Entry = std::pair<Length, std::string>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  std::map<std::string, Sharding> shardings{{from.str(mesh), from}};
  std::string start = from.str(mesh), goal = to.str(mesh);
  places[start].length = {0, 0};
  queue.push({{0, 0}, start});
  while (!queue.empty() && !places[goal].settled) {
    std::string name = queue.top().second;
    queue.pop();
    Place &place = places[name];
    if (place.settled) continue;
    place.settled = true;
    for (Move &move : movesFrom(shardings.at(name), shape, dtype, mesh)) {
      auto [seconds, bytes] = place.length;
      if (!move.isFree()) move.choice = price(move);
      Length length{seconds + move.choice.cost.seconds + kSecondsPerMove +
                        writing(shape, dtype, move.after),
                    bytes + bytesOf(move.choice.cost)};
      std::string after = move.after.str(mesh);
      Place &next = places[after];
      if (next.settled || next.length <= length) continue;
      shardings.try_emplace(after, move.after);
      next = {length, false, name, std::move(move)};
      queue.push({length, after});
    }
  }
  Redistribution result;
  for (std::string at = goal; at != start; at = places[at].before) {
    const Move &move = places[at].move;
    result.seconds += move.choice.cost.seconds;
    result.bytes += bytesOf(move.choice.cost);
    result.moves.insert(result.moves.begin(), move);
  }
  return result;
}

std::string Redistribution::str(const Mesh &mesh) const {
  std::string text;
  for (const Move &move : moves) {
    absl::StrAppend(&text, moveName(move.kind), " {");
    for (size_t i = 0; i < move.axes.size(); ++i)
      absl::StrAppend(&text, i ? "," : "", mesh.axes[size_t(move.axes[i])].name);
    absl::StrAppend(&text, "}");
    if (move.from >= 0) absl::StrAppend(&text, " dim ", move.from);
    if (move.to >= 0) absl::StrAppend(&text, " to dim ", move.to);
    absl::StrAppend(&text, " -> ", move.after.str(mesh));
    if (!move.isFree())
      absl::StrAppendFormat(&text, ", %s, %.1f us, %d bytes, %d between nodes",
                            algorithmName(move.choice.algorithm), move.choice.cost.seconds * 1e6,
                            bytesOf(move.choice.cost), move.choice.cost.interBytes);
    text += '\n';
  }
  return text;
}

} // namespace weir::distributed
