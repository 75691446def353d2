//===- communicator_test.cc - groups, checks and names --------------------===//
// What needs no backend.
//===----------------------------------------------------------------------===//
#include "runtime/device/collectives/communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// features: C5
TEST(Groups, OverMeshAxesHoldTheRanksThatDifferAlongThemOnly) {
  std::vector<int64_t> mesh = {2, 3, 2}; // rank = 6x + 2y + z
  EXPECT_THAT(meshGroup(mesh, {1}, 9).ranks, ElementsAre(7, 9, 11));
  EXPECT_THAT(meshGroup(mesh, {0}, 9).ranks, ElementsAre(3, 9));
  EXPECT_THAT(meshGroup(mesh, {0, 2}, 9).ranks, ElementsAre(2, 3, 8, 9));
  EXPECT_THAT(meshGroup(mesh, {2, 0}, 9).ranks, ElementsAre(2, 8, 3, 9)) << "major axis first";
  EXPECT_THAT(meshGroup(mesh, {}, 9).ranks, ElementsAre(9));
}

TEST(Groups, WithOneIdAreEqualOrDisjoint) {
  std::vector<int64_t> mesh = {2, 2, 2};
  for (const std::vector<int> &axes : {std::vector<int>{0}, {1}, {0, 1}, {1, 2}, {0, 1, 2}})
    for (int a = 0; a < 8; ++a)
      for (int b = 0; b < 8; ++b) {
        Group left = meshGroup(mesh, axes, a), right = meshGroup(mesh, axes, b);
        EXPECT_EQ(left.id, right.id);
        bool share = left.indexOf(b) >= 0;
        EXPECT_EQ(left.ranks == right.ranks, share);
      }
  EXPECT_NE(meshGroup(mesh, {0}, 0).id, meshGroup(mesh, {1}, 0).id);
}

TEST(Collectives, AreRefusedWithTheUsersLine) {
  CollectiveSpec spec{
      CollectiveKind::ReduceScatter, worldGroup(2), DType::F32, ReduceOp::Sum, 0, {4}};
  spec.name = "grads";
  spec.source = "train.cc:12";
  absl::Status status = checkCollective(spec, 0, 2);
  EXPECT_EQ(status.message(),
            "reduce_scatter 'grads' (train.cc:12): 1 and 0 counts, expected 2 and 0");
  spec.counts = {3, 1};
  EXPECT_TRUE(checkCollective(spec, 0, 2).ok());
  EXPECT_THAT(std::string(checkCollective(spec, 2, 3).message()), HasSubstr("rank 2 is not in"));
  spec.dtype = DType::I1;
  EXPECT_THAT(std::string(checkCollective(spec, 0, 2).message()),
              HasSubstr("sum of i1, supported are max and min"));
}

TEST(Collectives, APermuteHasEachMemberOnceAsSourceAndTarget) {
  CollectiveSpec spec{CollectiveKind::Permute, worldGroup(3), DType::F32, ReduceOp::Sum, 0, {4}};
  spec.pairs = {{0, 1}, {1, 2}};
  EXPECT_TRUE(checkCollective(spec, 0, 3).ok());
  spec.pairs = {{0, 1}, {2, 1}};
  EXPECT_THAT(std::string(checkCollective(spec, 0, 3).message()),
              HasSubstr("member 1 is the target of two pairs"));
  spec.pairs = {{0, 3}};
  EXPECT_FALSE(checkCollective(spec, 0, 3).ok());
}

TEST(Collectives, KnowWhatEachMemberReadsAndWrites) {
  CollectiveSpec spec{
      CollectiveKind::Gather, worldGroup(3), DType::F32, ReduceOp::Sum, 1, {4, 0, 2}};
  EXPECT_EQ(spec.inputCount(2), 2);
  EXPECT_EQ(spec.outputCount(2), 0);
  EXPECT_EQ(spec.outputCount(1), 6);
  spec.kind = CollectiveKind::Scatter;
  EXPECT_EQ(spec.inputCount(1), 6);
  EXPECT_EQ(spec.inputCount(0), 0);
  EXPECT_EQ(spec.outputCount(0), 4);
}

} // namespace
} // namespace weir::runtime
