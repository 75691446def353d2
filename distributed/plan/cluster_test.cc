// Cluster files, and times and bytes on small clusters that can be worked out by hand.
#include "distributed/plan/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::distributed {
namespace {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::DType;
using runtime::ReduceOp;
using testing::ElementsAre;
using testing::HasSubstr;

const char *kTwoHosts = R"(# two hosts
link shared latency 1us bandwidth 10GB/s
link wire latency 30us bandwidth 8Gbit/s  # a gigabyte a second
node a devices 4 link shared
node b devices 4 link shared
between a b link wire
)";

Cluster read(const std::string &text) {
  auto cluster = parseCluster(text, "c.txt");
  EXPECT_TRUE(cluster.ok()) << cluster.status();
  return cluster.ok() ? *cluster : oneNode(1);
}

std::string errorOf(const std::string &text) {
  auto cluster = parseCluster(text, "c.txt");
  return cluster.ok() ? "" : std::string(cluster.status().message());
}

// features: C3
TEST(ClusterFile, IsReadAndWrittenBack) {
  Cluster cluster = read(kTwoHosts);
  EXPECT_EQ(cluster.devices(), 8);
  EXPECT_THAT(cluster.nodeOfRank(), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_EQ(cluster.link(0, 1).name, "wire");
  EXPECT_DOUBLE_EQ(cluster.link(1, 0).bandwidth, 1e9);
  EXPECT_EQ(cluster.link(1, 1).name, "shared");
  EXPECT_EQ(read(cluster.str()), cluster);
}

TEST(ClusterFile, LaterLinesAreFiner) {
  Cluster cluster =
      read("link s latency 1us bandwidth 10GB/s\nlink slow latency 1ms bandwidth 1MB/s\n"
           "node a devices 1 link s\nnode b devices 1 link s\nnode c devices 1 link s\n"
           "between * * link slow\nbetween c a link s\n");
  EXPECT_EQ(cluster.link(0, 1).name, "slow");
  EXPECT_EQ(cluster.link(0, 2).name, "s");
  EXPECT_EQ(cluster.link(2, 0).name, "s");
}

TEST(ClusterFile, ErrorsNameTheLine) {
  std::string link = "link s latency 1us bandwidth 10GB/s\n";
  EXPECT_EQ(errorOf("lnk s\n"), "c.txt:1: error: 'lnk', expected link, node, between or combine");
  EXPECT_EQ(errorOf("\nlink s latency 1us\n"),
            "c.txt:2: error: expected: link NAME latency TIME bandwidth RATE");
  EXPECT_EQ(errorOf("link s latency 1 bandwidth 10GB/s\n"),
            "c.txt:1: error: '1' is not a positive number with one of the units ns, us, ms, s");
  EXPECT_THAT(errorOf("link s latency 1us bandwidth -1GB/s\n"),
              HasSubstr("c.txt:1: error: '-1GB/s'"));
  EXPECT_EQ(errorOf(link + link), "c.txt:2: error: a second link 's'");
  EXPECT_EQ(errorOf(link + "node a devices 2 link t\n"),
            "c.txt:2: error: no link 't' before this line");
  EXPECT_EQ(errorOf(link + "node a devices 0 link s\n"),
            "c.txt:2: error: '0' is not a number of devices, 1 to 4096");
  EXPECT_EQ(errorOf(link + "node a devices 1 link s\nnode a devices 1 link s\n"),
            "c.txt:3: error: a second node 'a'");
  EXPECT_EQ(errorOf(link + "node a devices 1 link s\nnode b devices 1 link s\n"),
            "c.txt:3: error: no link between a and b");
  EXPECT_EQ(errorOf(link), "c.txt:1: error: no nodes");
}

CollectiveSpec allReduce(int64_t count) {
  return {CollectiveKind::AllReduce, {}, DType::F32, ReduceOp::Sum, 0, {count}};
}
std::vector<std::vector<int>> everybody(int n) {
  return {runtime::worldGroup(n).ranks};
}

// features: C3
TEST(Prices, AreThoseOfTheAlphaBetaModel) {
  Cluster cluster = read("link s latency 3us bandwidth 2GB/s\nnode a devices 8 link s\n");
  double alpha = 3e-6, beta = 1 / 2e9;
  for (int n : {2, 4, 8}) {
    int64_t count = 8 * 1000, bytes = 4 * count;
    double ring = 2 * (n - 1) * (alpha + double(bytes) / n * beta);
    EXPECT_NEAR(predict(Algorithm::Ring, allReduce(count), everybody(n), cluster).seconds, ring,
                1e-12);
    EXPECT_NEAR(predict(Algorithm::Direct, allReduce(count), everybody(n), cluster).seconds, ring,
                1e-12);
    double tree = std::log2(n) * (alpha + double(bytes) * beta);
    EXPECT_NEAR(predict(Algorithm::Tree, allReduce(count), everybody(n), cluster).seconds, tree,
                1e-12);
    EXPECT_EQ(predict(Algorithm::Ring, allReduce(count), everybody(n), cluster).mostSent,
              2 * (n - 1) * bytes / n);
  }
}

TEST(Prices, CountTheTimeToCombine) {
  Cluster cluster =
      read("link s latency 3us bandwidth 2GB/s\nnode a devices 2 link s\ncombine 1GB/s\n");
  EXPECT_NEAR(predict(Algorithm::Tree, allReduce(1000), everybody(2), cluster).seconds,
              3e-6 + 2e-6 + 4e-6, 1e-12);
}

TEST(Prices, LetGroupsShareTheWayBetweenNodes) {
  Cluster cluster = read(kTwoHosts);
  std::vector<std::vector<int>> one = {{0, 4}}, four = {{0, 4}, {1, 5}, {2, 6}, {3, 7}};
  CollectiveSpec spec = allReduce(1'000'000);
  double alone = predict(Algorithm::Direct, spec, one, cluster).seconds;
  EXPECT_NEAR(predict(Algorithm::Direct, spec, four, cluster).seconds, 4 * alone, 0.02 * alone);
}

// features: C3
TEST(Choice, IsTreeForShortAndHierarchicalForLongVectorsAcrossNodes) {
  Cluster cluster = read(kTwoHosts);
  EXPECT_EQ(choose(allReduce(1), everybody(4), cluster).algorithm, Algorithm::Tree);
  EXPECT_EQ(choose(allReduce(1 << 20), everybody(4), cluster).algorithm, Algorithm::Direct);
  Choice far = choose(allReduce(1 << 20), everybody(8), cluster);
  EXPECT_EQ(far.algorithm, Algorithm::Hierarchical);
  EXPECT_EQ(far.cost.interBytes, 2 * (4 << 20));
  std::string text = describeChoice(allReduce(1 << 20), everybody(8), cluster);
  EXPECT_THAT(text, HasSubstr("* all_reduce hierarchical"));
  EXPECT_THAT(text, HasSubstr("  all_reduce direct"));
  EXPECT_THAT(text, HasSubstr("8388608 between nodes"));
}

TEST(Choice, OfARankIsThatOfItsGroup) {
  auto choice = chooser(read(kTwoHosts));
  CollectiveSpec spec = allReduce(1 << 20);
  spec.group = runtime::worldGroup(8);
  EXPECT_EQ(choice(spec, {}), Algorithm::Hierarchical);
  spec.group.ranks = {0, 1, 2, 3};
  EXPECT_EQ(choice(spec, {}), Algorithm::Direct);
}

} // namespace
} // namespace weir::distributed
