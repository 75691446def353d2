// What can be said of schedules without running them: traffic to the byte, and that nothing is left
// under way.
#include "distributed/comm/schedule.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir::distributed {
namespace {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::DType;
using runtime::ReduceOp;
using runtime::worldGroup;

CollectiveSpec specOf(CollectiveKind kind, int ranks, int64_t count) {
  CollectiveSpec spec{kind, worldGroup(ranks), DType::F32, ReduceOp::Sum, ranks / 2, {count}};
  bool pieces = kind == CollectiveKind::Scatter || kind == CollectiveKind::Gather ||
                kind == CollectiveKind::AllGather || kind == CollectiveKind::ReduceScatter ||
                kind == CollectiveKind::AllToAll;
  if (pieces) spec.counts = evenCounts(count, ranks);
  if (kind == CollectiveKind::AllToAll) // piece j goes to j, whoever sends it
    spec.counts = spec.receiveCounts = std::vector<int64_t>(size_t(ranks), count / ranks);
  if (kind == CollectiveKind::Barrier) spec.counts = {};
  return spec;
}

/// Bytes that member `index` sends, to all and to other nodes.
std::pair<int64_t, int64_t> sent(const Schedule &schedule, const Topology &topology, int index) {
  int64_t all = 0, between = 0;
  for (const Instruction &instruction : schedule.instructions) {
    if (instruction.kind != Instruction::Send) continue;
    all += 4 * instruction.from.count;
    if (!topology.node.empty() &&
        topology.node[size_t(instruction.peer)] != topology.node[size_t(index)])
      between += 4 * instruction.from.count;
  }
  return {all, between};
}

// features: C2
TEST(Ring, AllReduceSendsTwiceAllButOnePieceFromEachRank) {
  for (int n = 2; n <= 8; ++n)
    for (Algorithm algorithm : {Algorithm::Ring, Algorithm::Direct})
      for (int64_t segment : {0, 64}) {
        int64_t count = 840 * 5;
        CollectiveSpec spec = specOf(CollectiveKind::AllReduce, n, count);
        for (int index = 0; index < n; ++index) {
          Topology topology{{}, segment};
          Schedule schedule = buildSchedule(algorithm, spec, index, topology);
          EXPECT_EQ(sent(schedule, topology, index).first, 2 * (n - 1) * count * 4 / n)
              << algorithmName(algorithm) << " of " << n;
        }
      }
}

TEST(Ring, SendsAllButOnePieceEachWayWhenPiecesDiffer) {
  int64_t total = 0;
  for (int index = 0; index < 7; ++index)
    total +=
        sent(buildSchedule(Algorithm::Ring, specOf(CollectiveKind::AllReduce, 7, 1000), index, {}),
             {}, index)
            .first;
  EXPECT_EQ(total, 2 * 6 * 1000 * 4);
}

// features: C3
TEST(Hierarchical, CrossesBetweenNodesNoMoreThanItMust) {
  Topology topology{{0, 0, 0, 0, 1, 1, 1, 1}};
  int64_t count = 960;
  auto between = [&](Algorithm algorithm, CollectiveKind kind) {
    int64_t bytes = 0;
    for (int index = 0; index < 8; ++index)
      bytes +=
          sent(buildSchedule(algorithm, specOf(kind, 8, count), index, topology), topology, index)
              .second;
    return bytes;
  };
  // Two nodes: half of the vector crosses each way, twice; direct sends each piece to all.
  EXPECT_EQ(between(Algorithm::Hierarchical, CollectiveKind::AllReduce), 2 * count * 4);
  EXPECT_EQ(between(Algorithm::Direct, CollectiveKind::AllReduce), 8 * count * 4);
  EXPECT_EQ(between(Algorithm::Hierarchical, CollectiveKind::AllGather), count * 4);
  EXPECT_EQ(between(Algorithm::Hierarchical, CollectiveKind::ReduceScatter), count * 4);
  EXPECT_EQ(between(Algorithm::Hierarchical, CollectiveKind::Broadcast), count * 4);
  EXPECT_EQ(between(Algorithm::Hierarchical, CollectiveKind::Reduce), count * 4);
  EXPECT_EQ(between(Algorithm::Direct, CollectiveKind::Broadcast), 4 * count * 4);
}

TEST(Schedules, AwaitEveryMessageAndMatchTheirPartners) {
  for (int n = 1; n <= 9; ++n) {
    Topology topology{{}, 40};
    for (int member = 0; member < n; ++member) topology.node.push_back(member * 2 / n);
    for (int k = 0; k < runtime::kCollectiveKinds; ++k)
      for (int a = 0; a < kAlgorithms; ++a) {
        auto kind = static_cast<CollectiveKind>(k);
        auto algorithm = static_cast<Algorithm>(a);
        bool pair = kind == CollectiveKind::Send || kind == CollectiveKind::Receive;
        if (pair || !supports(algorithm, kind, topology)) continue;
        // Bytes on the way from a member to another, sent and not yet received.
        std::vector<int64_t> open(size_t(n) * size_t(n));
        for (int index = 0; index < n; ++index) {
          Schedule schedule = buildSchedule(algorithm, specOf(kind, n, 233), index, topology);
          std::vector<bool> awaited(schedule.instructions.size());
          for (const Instruction &i : schedule.instructions) {
            if (i.kind == Instruction::Await)
              std::fill(awaited.begin() + i.begin, awaited.begin() + i.end, true);
            if (i.kind == Instruction::Send) open[size_t(index * n + i.peer)] += i.from.count;
            if (i.kind == Instruction::Receive) open[size_t(i.peer * n + index)] -= i.to.count;
          }
          for (size_t i = 0; i < awaited.size(); ++i) {
            auto kindOf = schedule.instructions[i].kind;
            if (kindOf == Instruction::Send || kindOf == Instruction::Receive)
              EXPECT_TRUE(awaited[i]) << algorithmName(algorithm) << " " << collectiveName(kind);
          }
        }
        for (int64_t count : open)
          EXPECT_EQ(count, 0) << algorithmName(algorithm) << " " << collectiveName(kind) << " "
                              << n;
      }
  }
}

TEST(Schedules, CutMessagesToWhatTheTransportTakes) {
  Topology topology{{}, 0, 100};
  Schedule schedule =
      buildSchedule(Algorithm::Tree, specOf(CollectiveKind::Broadcast, 2, 60), 1, topology);
  std::vector<int64_t> counts;
  for (const Instruction &i : schedule.instructions)
    if (i.kind == Instruction::Send) counts.push_back(i.from.count);
  EXPECT_EQ(counts, (std::vector<int64_t>{25, 25, 10}));
}

TEST(Schedules, HierarchicalWantsEquallyManyMembersForPieces) {
  Topology uneven{{0, 0, 1}};
  EXPECT_TRUE(supports(Algorithm::Hierarchical, CollectiveKind::AllReduce, uneven));
  EXPECT_FALSE(supports(Algorithm::Hierarchical, CollectiveKind::AllGather, uneven));
  EXPECT_FALSE(supports(Algorithm::Hierarchical, CollectiveKind::AllReduce, Topology{{0, 1}}));
  EXPECT_FALSE(supports(Algorithm::Hierarchical, CollectiveKind::AllReduce, Topology{}));
}

} // namespace
} // namespace weir::distributed
