// Ways from any sharding to any other: they arrive, and are the collectives one would write.
// features: P11
#include "distributed/partition/redistribute.h"

#include "gtest/gtest.h"

#include <random>

namespace weir::distributed {
namespace {

std::string way(const std::string &from, const std::string &to) {
  static const char *names[] = {"split",          "as_partial", "all_gather", "all_reduce",
                                "reduce_scatter", "all_to_all", "permute"};
  Mesh mesh = parseMesh("a=2,b=3").value();
  std::string result;
  auto ways = Redistributor::create(mesh, oneNode(6)).value();
  for (const Step &step :
       ways.steps({1200, 1200}, runtime::DType::F32, parseSharding(from, mesh).value(),
                  parseSharding(to, mesh).value()))
    result += std::string(result.empty() ? "" : " ") + names[step.kind];
  return result;
}

TEST(RedistributionTest, TakesTheCollectiveThatFits) {
  EXPECT_EQ(way("[{a},{}]", "[{a},{}]"), "");
  EXPECT_EQ(way("[{a},{}]", "[{},{}]"), "all_gather");
  EXPECT_EQ(way("[{},{}]", "[{a},{}]"), "split");
  EXPECT_EQ(way("[{a},{}]", "[{},{a}]"), "all_to_all");
  EXPECT_EQ(way("[{},{}] partial(sum){a}", "[{},{}]"), "all_reduce");
  EXPECT_EQ(way("[{},{}] partial(sum){a,b}", "[{},{}]"), "all_reduce");
  EXPECT_EQ(way("[{},{}] partial(sum){a}", "[{},{a}]"), "reduce_scatter");
  EXPECT_EQ(way("[{b},{}] partial(sum){a}", "[{},{a}]"), "reduce_scatter all_gather");
  EXPECT_EQ(way("[{},{}]", "[{},{}] partial(sum){b}"), "as_partial");
  EXPECT_EQ(way("[{a},{}]", "[{},{}] partial(sum){a}"), "all_gather as_partial");
  EXPECT_EQ(way("[{},{}] partial(max){a}", "[{b},{}]"), "split all_reduce");
  EXPECT_EQ(way("[{},{}] partial(max){a}", "[{},{}] partial(sum){a}"), "all_reduce as_partial");
}

Sharding randomSharding(std::mt19937 &rng, const Mesh &mesh, bool mayBePartial) {
  Sharding sharding = Sharding::replicated(2);
  std::vector<int> order = {0, 1, 2};
  std::shuffle(order.begin(), order.end(), rng);
  for (int axis : order) {
    int place = rng() % 4;
    if (place < 2) sharding.dims[place].push_back(axis);
    if (place == 2 && mayBePartial) sharding.partial.push_back(axis);
  }
  std::sort(sharding.partial.begin(), sharding.partial.end());
  return sharding;
}

TEST(RedistributionTest, EveryWayArrives) {
  Mesh mesh = parseMesh("a=2,b=3,c=2").value();
  auto ways = Redistributor::create(mesh, oneNode(12)).value();
  std::mt19937 rng(3);
  for (int round = 0; round < 500; ++round) {
    Sharding from = randomSharding(rng, mesh, true), to = randomSharding(rng, mesh, round % 2);
    std::vector<Step> steps = ways.steps({12, 24}, runtime::DType::F32, from, to);
    EXPECT_EQ(steps.empty() ? from : steps.back().after, to)
        << from.str(mesh) << " to " << to.str(mesh);
    EXPECT_LE(steps.size(), 8u);
  }
}

} // namespace
} // namespace weir::distributed
