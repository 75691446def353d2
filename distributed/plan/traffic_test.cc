// What the plan says is what is sent, byte for byte: collectives chosen from a cluster file, run on
// threads that stand for its devices.
#include "distributed/comm/in_process.h"
#include "distributed/plan/cost.h"

#include <gtest/gtest.h>

#include <mutex>

namespace weir::distributed {
namespace {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::Communicator;
using runtime::DType;
using runtime::Traffic;

const char *kClusters[] = {
    "link s latency 1us bandwidth 10GB/s\nnode a devices 6 link s\n",
    "link s latency 1us bandwidth 10GB/s\nlink w latency 30us bandwidth 1GB/s\n"
    "node a devices 3 link s\nnode b devices 3 link s\nbetween a b link w\ncombine 5GB/s\n",
    "link s latency 1us bandwidth 10GB/s\nlink w latency 30us bandwidth 1GB/s\n"
    "node a devices 4 link s\nnode b devices 2 link s\nbetween * * link w\n"};

CollectiveSpec specOf(CollectiveKind kind, int64_t count) {
  CollectiveSpec spec{kind, runtime::worldGroup(6)};
  spec.root = 4;
  spec.counts = {count};
  bool pieces = kind == CollectiveKind::Scatter || kind == CollectiveKind::Gather ||
                kind == CollectiveKind::AllGather || kind == CollectiveKind::ReduceScatter;
  if (pieces) spec.counts = evenCounts(count, 6);
  if (kind == CollectiveKind::AllToAll)
    spec.counts = spec.receiveCounts = std::vector(6, count / 6);
  if (kind == CollectiveKind::Permute) spec.pairs = {{0, 5}, {5, 1}, {2, 2}};
  if (kind == CollectiveKind::Barrier) spec.counts = {};
  return spec;
}

/// Bytes that all ranks sent, inside nodes and between them, and the algorithm that they took.
Choice ran(const CollectiveSpec &spec, const Cluster &cluster) {
  CommunicatorOptions options;
  options.choose = chooser(cluster);
  options.nodeOfRank = cluster.nodeOfRank();
  Choice sum;
  std::mutex mutex;
  auto statuses = runInProcess(6, options, [&](Communicator &comm) -> absl::Status {
    std::vector<float> input(6000), output(6000);
    absl::Status status = comm.run(spec, input.data(), output.data());
    std::lock_guard lock(mutex);
    sum.cost.intraBytes += comm.traffic().of(spec.kind, Traffic::Intra).bytes;
    sum.cost.interBytes += comm.traffic().of(spec.kind, Traffic::Inter).bytes;
    auto prepared = comm.prepare(spec);
    sum.algorithm = static_cast<ScheduledCommunicator &>(comm).algorithm(*prepared);
    return status;
  });
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
  return sum;
}

// features: C3
TEST(Traffic, IsWhatThePlanSaid) {
  for (const char *text : kClusters) {
    Cluster cluster = *parseCluster(text, "c.txt");
    for (int k = 0; k < runtime::kCollectiveKinds; ++k) {
      auto kind = static_cast<CollectiveKind>(k);
      if (kind == CollectiveKind::Send || kind == CollectiveKind::Receive) continue;
      for (int64_t count : {1, 100, 5987}) {
        CollectiveSpec spec = specOf(kind, count);
        Choice said = choose(spec, {spec.group.ranks}, cluster), was = ran(spec, cluster);
        EXPECT_EQ(was.cost.intraBytes, said.cost.intraBytes)
            << collectiveName(kind) << " " << count;
        EXPECT_EQ(was.cost.interBytes, said.cost.interBytes)
            << collectiveName(kind) << " " << count;
        EXPECT_EQ(was.algorithm, said.algorithm) << collectiveName(kind) << " " << count;
      }
    }
  }
}

} // namespace
} // namespace weir::distributed
