//===- communicator.cc - collectives between devices ----------------------===//
// Names, groups over mesh axes, and the checks that every backend shares.
//===----------------------------------------------------------------------===//
#include "runtime/device/collectives/communicator.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include <algorithm>
#include <numeric>

namespace weir::runtime {

const char *collectiveName(CollectiveKind kind) {
  static constexpr std::array<const char *, kCollectiveKinds> names = {
      "broadcast",  "scatter",    "gather",  "all_gather", "reduce",  "reduce_scatter",
      "all_reduce", "all_to_all", "permute", "send",       "receive", "barrier"};
  return names[static_cast<size_t>(kind)];
}

const char *reduceOpName(ReduceOp op) {
  static constexpr std::array<const char *, 4> names = {"sum", "max", "min", "prod"};
  return names[static_cast<size_t>(op)];
}

bool isReduction(CollectiveKind kind) {
  return kind == CollectiveKind::Reduce || kind == CollectiveKind::ReduceScatter ||
         kind == CollectiveKind::AllReduce;
}

int Group::indexOf(int rank) const {
  auto at = std::find(ranks.begin(), ranks.end(), rank);
  return at == ranks.end() ? -1 : static_cast<int>(at - ranks.begin());
}

std::string Group::str() const {
  return absl::StrCat("{", absl::StrJoin(ranks, ", "), "}");
}

Group worldGroup(int size) {
  Group group{kGroupIds - 1, std::vector<int>(static_cast<size_t>(size))};
  std::iota(group.ranks.begin(), group.ranks.end(), 0);
  return group;
}

Group meshGroup(const std::vector<int64_t> &axisSizes, const std::vector<int> &axes, int rank) {
  std::vector<int64_t> strides(axisSizes.size(), 1);
  for (size_t i = axisSizes.size(); i-- > 1;) strides[i - 1] = strides[i] * axisSizes[i];
  Group group;
  int64_t first = rank;
  for (int axis : axes) {
    group.id |= 1 << axis;
    first -= rank / strides[size_t(axis)] % axisSizes[size_t(axis)] * strides[size_t(axis)];
  }
  group.ranks = {static_cast<int>(first)};
  for (int axis : axes) {
    std::vector<int> wider;
    for (int start : group.ranks)
      for (int64_t i = 0; i < axisSizes[size_t(axis)]; ++i)
        wider.push_back(start + static_cast<int>(i * strides[size_t(axis)]));
    group.ranks = std::move(wider);
  }
  return group;
}

int64_t CollectiveSpec::inputCount(int index) const {
  int64_t all = std::accumulate(counts.begin(), counts.end(), int64_t(0));
  switch (kind) {
  case CollectiveKind::Scatter:
    return index == root ? all : 0;
  case CollectiveKind::Gather:
  case CollectiveKind::AllGather:
    return counts[size_t(index)];
  case CollectiveKind::Broadcast:
    return index == root ? all : 0;
  case CollectiveKind::Receive:
  case CollectiveKind::Barrier:
    return 0;
  default:
    return all;
  }
}

int64_t CollectiveSpec::outputCount(int index) const {
  int64_t all = std::accumulate(counts.begin(), counts.end(), int64_t(0));
  switch (kind) {
  case CollectiveKind::Scatter:
  case CollectiveKind::ReduceScatter:
    return counts[size_t(index)];
  case CollectiveKind::Gather:
  case CollectiveKind::Reduce:
    return index == root ? all : 0;
  case CollectiveKind::AllToAll:
    return std::accumulate(receiveCounts.begin(), receiveCounts.end(), int64_t(0));
  case CollectiveKind::Send:
  case CollectiveKind::Barrier:
    return 0;
  default:
    return all;
  }
}

std::string CollectiveSpec::str() const {
  std::string text(collectiveName(kind));
  if (!name.empty()) absl::StrAppend(&text, " '", name, "'");
  if (!source.empty()) absl::StrAppend(&text, " (", source, ")");
  return text;
}

namespace {

absl::Status checkPairs(const CollectiveSpec &spec) {
  std::vector<bool> sends(spec.group.ranks.size()), receives(spec.group.ranks.size());
  for (auto [source, target] : spec.pairs) {
    for (int index : {source, target})
      if (index < 0 || index >= spec.group.size())
        return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": pair ", source, " to ",
                                                       target, ", the group has ",
                                                       spec.group.size(), " members"));
    if (sends[size_t(source)] || receives[size_t(target)])
      return absl::InvalidArgumentError(
          absl::StrCat(spec.str(), ": member ", sends[size_t(source)] ? source : target, " is ",
                       sends[size_t(source)] ? "the source" : "the target", " of two pairs"));
    sends[size_t(source)] = receives[size_t(target)] = true;
  }
  return absl::OkStatus();
}

absl::Status checkCounts(const CollectiveSpec &spec) {
  size_t members = spec.group.ranks.size(), expected = 1;
  switch (spec.kind) {
  case CollectiveKind::Scatter:
  case CollectiveKind::Gather:
  case CollectiveKind::AllGather:
  case CollectiveKind::ReduceScatter:
  case CollectiveKind::AllToAll:
    expected = members;
    break;
  case CollectiveKind::Barrier:
    expected = 0;
    break;
  default:
    break;
  }
  size_t expectedReceived = spec.kind == CollectiveKind::AllToAll ? members : 0;
  if (spec.counts.size() != expected || spec.receiveCounts.size() != expectedReceived)
    return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": ", spec.counts.size(), " and ",
                                                   spec.receiveCounts.size(), " counts, expected ",
                                                   expected, " and ", expectedReceived));
  for (const auto *counts : {&spec.counts, &spec.receiveCounts})
    for (int64_t count : *counts)
      if (count < 0 || count > (int64_t(1) << 48))
        return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": a count of ", count));
  return absl::OkStatus();
}

} // namespace

absl::Status checkCollective(const CollectiveSpec &spec, int rank, int worldSize) {
  const Group &group = spec.group;
  auto invalid = [&](auto... parts) {
    return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": ", parts...));
  };
  if (group.id < 0 || group.id >= kGroupIds) return invalid("group number ", group.id);
  std::vector<int> sorted = group.ranks;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return invalid("a rank is twice in group ", group.str());
  if (sorted.empty() || sorted.front() < 0 || sorted.back() >= worldSize)
    return invalid("group ", group.str(), " of ", worldSize, " ranks");
  int index = group.indexOf(rank);
  if (index < 0) return invalid("rank ", rank, " is not in group ", group.str());
  if (spec.root < 0 || spec.root >= group.size())
    return invalid("root ", spec.root, ", the group has ", group.size(), " members");
  bool toPartner = spec.kind == CollectiveKind::Send || spec.kind == CollectiveKind::Receive;
  if (toPartner && spec.root == index) return invalid("the partner is the rank itself");
  if (absl::Status status = checkCounts(spec); !status.ok()) return status;
  if (spec.kind == CollectiveKind::AllToAll &&
      spec.counts[size_t(index)] != spec.receiveCounts[size_t(index)])
    return invalid("rank ", rank, " sends itself ", spec.counts[size_t(index)],
                   " elements and receives ", spec.receiveCounts[size_t(index)]);
  if (isReduction(spec.kind) && spec.dtype == DType::I1 &&
      (spec.op == ReduceOp::Sum || spec.op == ReduceOp::Prod))
    return invalid(reduceOpName(spec.op), " of i1, supported are max and min");
  return checkPairs(spec);
}

Traffic::Sent Traffic::total(Link link) const {
  Sent total;
  for (const auto &kind : sent) {
    total.bytes += kind[link].bytes;
    total.messages += kind[link].messages;
  }
  return total;
}

std::string Traffic::str() const {
  std::string text;
  for (int kind = 0; kind < kCollectiveKinds; ++kind) {
    const Sent &intra = sent[size_t(kind)][Intra], &inter = sent[size_t(kind)][Inter];
    if (intra.messages + inter.messages == 0) continue;
    absl::StrAppend(&text, collectiveName(CollectiveKind(kind)), ": ", intra.bytes, " bytes in ",
                    intra.messages, " messages inside the node, ", inter.bytes, " bytes in ",
                    inter.messages, " messages between nodes\n");
  }
  return text;
}

absl::Status Communicator::run(const CollectiveSpec &spec, const void *input, void *output) {
  absl::StatusOr<Prepared> prepared = prepare(spec);
  if (!prepared.ok()) return prepared.status();
  absl::StatusOr<Pending> pending = start(*prepared, input, output);
  if (!pending.ok()) return pending.status();
  return wait(*pending);
}

} // namespace weir::runtime
