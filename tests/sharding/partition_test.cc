// Sharded programs on devices that take turns give what one device gives; and without any one of
// their collectives they are refused.  features: X11 P6
#include "tests/sharding/partition_harness.h"

#include "distributed/partition/advise.h"

namespace weir::distributed {
namespace {

TEST_F(PartitionTest, DataParallelSumsOverUnevenPieces) {
  Traffic traffic = check("data=3", R"(
    func.func @main(%x: tensor<7x4xf32> {spmd.sharding = "[{data},{}]"}, %w: tensor<4x5xf32>)
        -> (tensor<7x5xf32>, tensor<5xf32>) {
      %y = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<7x4xf32>, tensor<4x5xf32>) -> tensor<7x5xf32>
      %e = weir.exp %y : tensor<7x5xf32>
      %s = weir.reduce_sum %e dims = [0] : (tensor<7x5xf32>) -> tensor<5xf32>
      return %e, %s : tensor<7x5xf32>, tensor<5xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 1);
  EXPECT_EQ(traffic.collectives["spmd.all_gather"], 0) << sharded;
}

const char *kColumnThenRow = R"(
  func.func private @block(%x: tensor<6x4xf32>, %w1: tensor<4x8xf32>, %w2: tensor<8x4xf32>) -> tensor<6x4xf32> {
    %a = weir.dot %x, %w1 batch = [] x [] contract = [1] x [0] : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    %h = weir.tanh %a : tensor<6x8xf32>
    %y = weir.dot %h, %w2 batch = [] x [] contract = [1] x [0] : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
    return %y : tensor<6x4xf32>
  }
)";

TEST_F(PartitionTest, ColumnThenRowIsOneAllReduceForward) {
  Traffic traffic = check("model=2", std::string(kColumnThenRow) + R"(
    func.func @main(%x: tensor<6x4xf32>, %w1: tensor<4x8xf32> {spmd.sharding = "[{},{model}]"}, %w2: tensor<8x4xf32>)
        -> tensor<6x4xf32> {
      %y = weir.call @block(%x, %w1, %w2) : (tensor<6x4xf32>, tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
      return %y : tensor<6x4xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 1) << sharded;
  EXPECT_EQ(traffic.collectives.size(), 1u) << sharded;
}

TEST_F(PartitionTest, ColumnThenRowIsOneAllReduceBackward) {
  Traffic traffic = check("model=2", std::string(kColumnThenRow) + R"(
    func.func @main(%x: tensor<6x4xf32>, %w1: tensor<4x8xf32> {spmd.sharding = "[{},{model}]"}, %w2: tensor<8x4xf32>,
                    %ct: tensor<6x4xf32>)
        -> (tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x8xf32>, tensor<8x4xf32>) {
      %y, %dx, %d1, %d2 = weir.vjp @block(%x, %w1, %w2, %ct) wrt = [0, 1, 2]
        : (tensor<6x4xf32>, tensor<4x8xf32>, tensor<8x4xf32>, tensor<6x4xf32>)
       -> (tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x8xf32>, tensor<8x4xf32>)
      return %y, %dx, %d1, %d2 : tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x8xf32>, tensor<8x4xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 2) << sharded; // y and dx
  EXPECT_EQ(traffic.collectives.size(), 1u) << sharded;
}

TEST_F(PartitionTest, PartialSumsAreAddedBeforeTheyAreReduced) {
  Traffic traffic = check("model=2", R"(
    func.func @main(%x: tensor<6x64xf32> {spmd.sharding = "[{},{model}]"}, %w: tensor<64x5xf32>, %v: tensor<64x5xf32>,
                    %b: tensor<5xf32>) -> tensor<6x5xf32> {
      %p = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<6x64xf32>, tensor<64x5xf32>) -> tensor<6x5xf32>
      %q = weir.dot %x, %v batch = [] x [] contract = [1] x [0] : (tensor<6x64xf32>, tensor<64x5xf32>) -> tensor<6x5xf32>
      %s = weir.add %p, %q : tensor<6x5xf32>
      %c = weir.broadcast %b shape = [6, 5] dims = [1] : (tensor<5xf32>) -> tensor<6x5xf32>
      %r = weir.add %s, %c : tensor<6x5xf32>
      return %r : tensor<6x5xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 1) << sharded;
}

TEST_F(PartitionTest, EmbeddingGradientsArePartialSums) {
  Traffic traffic = check("data=2", R"(
    func.func private @loss(%t: tensor<5x3xf32>, %i: tensor<60xi32>) -> tensor<f32> {
      %e = weir.gather %t, %i dim = 0 batch_dims = 0 : (tensor<5x3xf32>, tensor<60xi32>) -> tensor<60x3xf32>
      %q = weir.mul %e, %e : tensor<60x3xf32>
      %s = weir.reduce_sum %q dims = [0, 1] : (tensor<60x3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    }
    func.func @main(%t: tensor<5x3xf32>, %i: tensor<60xi32> {spmd.sharding = "[{data}]"}, %ct: tensor<f32>)
        -> (tensor<f32>, tensor<5x3xf32>) {
      %l, %d = weir.vjp @loss(%t, %i, %ct) wrt = [0] : (tensor<5x3xf32>, tensor<60xi32>, tensor<f32>)
        -> (tensor<f32>, tensor<5x3xf32>)
      return %l, %d : tensor<f32>, tensor<5x3xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 2) << sharded;
  EXPECT_EQ(traffic.collectives["spmd.all_gather"], 0) << sharded;
}

TEST_F(PartitionTest, OptimizerStateIsSplitByReduceScatter) {
  Traffic traffic = check("data=2", R"(
    func.func private @loss(%w: tensor<4x3xf32>, %x: tensor<6x4xf32>) -> tensor<f32> {
      %y = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<6x4xf32>, tensor<4x3xf32>) -> tensor<6x3xf32>
      %t = weir.tanh %y : tensor<6x3xf32>
      %s = weir.reduce_sum %t dims = [0, 1] : (tensor<6x3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    }
    func.func @main(%w: tensor<4x3xf32> {spmd.sharding = "[{},{}]"}, %m: tensor<4x3xf32> {spmd.sharding = "[{data},{}]"},
                    %x: tensor<6x4xf32> {spmd.sharding = "[{data},{}]"}, %ct: tensor<f32>)
        -> (tensor<4x3xf32> {weir.updates = 0 : i64}, tensor<4x3xf32> {weir.updates = 1 : i64}) {
      %l, %d = weir.vjp @loss(%w, %x, %ct) wrt = [0] : (tensor<4x3xf32>, tensor<6x4xf32>, tensor<f32>)
        -> (tensor<f32>, tensor<4x3xf32>)
      %n = weir.add %m, %d : tensor<4x3xf32>
      %v = weir.sub %w, %n : tensor<4x3xf32>
      return %v, %n : tensor<4x3xf32>, tensor<4x3xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.reduce_scatter"], 1) << sharded;
  EXPECT_EQ(traffic.collectives["spmd.all_gather"], 1) << sharded;
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 0) << sharded;
}

TEST_F(PartitionTest, LoopsAndBranchesCarryShardings) {
  check("data=2,model=2", R"(
    func.func @main(%x: tensor<5x4xf32> {spmd.sharding = "[{data},{}]"}, %xs: tensor<3x5x4xf32>, %w: tensor<4x4xf32> {spmd.sharding = "[{},{model}]"},
                    %n: tensor<i32>) -> (tensor<5x4xf32>, tensor<3x5xf32>, tensor<5x4xf32>) {
      %c, %ys = weir.scan inits(%x) xs(%xs) trips = 3 : (tensor<5x4xf32>, tensor<3x5x4xf32>) -> (tensor<5x4xf32>, tensor<3x5xf32>) {
      ^bb0(%c: tensor<5x4xf32>, %s: tensor<5x4xf32>):
        %d = weir.dot %c, %w batch = [] x [] contract = [1] x [0] : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
        %e = weir.add %d, %s : tensor<5x4xf32>
        %t = weir.tanh %e : tensor<5x4xf32>
        %r = weir.reduce_sum %t dims = [1] : (tensor<5x4xf32>) -> tensor<5xf32>
        weir.yield %t, %r : tensor<5x4xf32>, tensor<5xf32>
      }
      %zero = weir.constant dense<0> : tensor<i32>
      %p = weir.compare gt %n, %zero : tensor<i32>
      %b = weir.if %p : (tensor<i1>) -> tensor<5x4xf32> {
        %g = weir.reverse %c dims = [0] : (tensor<5x4xf32>) -> tensor<5x4xf32>
        weir.yield %g : tensor<5x4xf32>
      } else {
        weir.yield %x : tensor<5x4xf32>
      }
      %l = weir.while inits(%b) snapshots = 1 : (tensor<5x4xf32>) -> tensor<5x4xf32> {
      ^bb0(%v: tensor<5x4xf32>):
        %a = weir.mul %v, %v : tensor<5x4xf32>
        %s = weir.reduce_sum %a dims = [0, 1] : (tensor<5x4xf32>) -> tensor<f32>
        %bound = weir.constant dense<0.5> : tensor<f32>
        %more = weir.compare gt %s, %bound : tensor<f32>
        weir.yield %more : tensor<i1>
      } do {
      ^bb0(%v: tensor<5x4xf32>):
        %half = weir.constant dense<0.5> : tensor<5x4xf32>
        %h = weir.mul %v, %half : tensor<5x4xf32>
        weir.yield %h : tensor<5x4xf32>
      }
      return %c, %ys, %l : tensor<5x4xf32>, tensor<3x5xf32>, tensor<5x4xf32>
    })");
}

TEST_F(PartitionTest, WhatIsSaidInTheMiddleHolds) {
  Traffic traffic = check("a=2,b=2", R"(
    func.func @main(%x: tensor<6x8xf32> {spmd.sharding = "[{a},{b}]"}) -> (tensor<6x8xf32>, tensor<48xf32>, tensor<8xf32>) {
      %e = weir.exp %x : tensor<6x8xf32>
      %t = spmd.shard %e to "[{b},{a}]" : tensor<6x8xf32>
      %s = weir.neg %t : tensor<6x8xf32>
      %u = spmd.shard %s to "[{},{}]" : tensor<6x8xf32>
      %v = weir.reshape %u shape = [48] : (tensor<6x8xf32>) -> tensor<48xf32>
      %m = weir.reduce_max %t dims = [0] : (tensor<6x8xf32>) -> tensor<8xf32>
      return %s, %v, %m : tensor<6x8xf32>, tensor<48xf32>, tensor<8xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 1) << sharded;
}

TEST_F(PartitionTest, CollectivesAreExplainedAndLimited) {
  auto module = graph("data=4", R"(
    func.func @main(%x: tensor<8x4xf32> {spmd.sharding = "[{data},{}]"}) -> tensor<8x4xf32> {
      %r = weir.reverse %x dims = [0] : (tensor<8x4xf32>) -> tensor<8x4xf32>
      return %r : tensor<8x4xf32>
    })");
  ASSERT_TRUE(succeeded(insertCollectives(mainOf(*module))));
  auto text = describeCollectives(mainOf(*module));
  ASSERT_TRUE(succeeded(text));
  EXPECT_NE(
      text->find("all_gather of f32[8, 4] from [{data},{}] to [{},{}], 96 bytes: reverse takes "
                 "[{},{}]\n1 collectives, 96 bytes a device\n"),
      std::string::npos)
      << *text;
  EXPECT_TRUE(succeeded(limitBytes(mainOf(*module), 96)));
  std::string said;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { said += diagnostic.str(); });
  EXPECT_TRUE(failed(limitBytes(mainOf(*module), 95)));
  EXPECT_EQ(said, "all_gather: moves 96 bytes to each device, more than 95 that are allowed; "
                  "f32[8, 4] is [{data},{}], reverse takes [{},{}]");
}

TEST_F(PartitionTest, PermutesOfWindowsAndOfWholeSlicesAreExplainedAndLimited) {
  auto module = graph("data=4", R"(
    func.func @main(%x: tensor<2x1x3x16xf32> {spmd.sharding = "[{},{},{},{data}]"}, %w: tensor<1x4x3x3xf32>,
                    %p: tensor<4x5xf32> {spmd.sharding = "[{data},{}]"}) -> (tensor<2x1x4x16xf32>, tensor<4x5xf32>) {
      %y = weir.convolution %x, %w strides = [1] low = [1] high = [1] lhs_dilation = [1] rhs_dilation = [1] : (tensor<2x1x3x16xf32>, tensor<1x4x3x3xf32>) -> tensor<2x1x4x16xf32>
      %i = weir.constant dense<[3, 0, 1, 2]> : tensor<4xi32>
      %r = weir.gather %p, %i dim = 0 batch_dims = 0 : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4x5xf32>
      return %y, %r : tensor<2x1x4x16xf32>, tensor<4x5xf32>
    })");
  ASSERT_TRUE(succeeded(insertCollectives(mainOf(*module))));
  auto text = describeCollectives(mainOf(*module));
  ASSERT_TRUE(succeeded(text));
  const std::string edge = "permute of f32[2, 1, 3, 16] from [{},{},{},{data}] to "
                           "[{},{},{},{data}], 24 bytes: convolution reads beyond its piece\n";
  EXPECT_EQ(text->find(edge, text->find(edge) + 1) == std::string::npos, false) << *text;
  EXPECT_NE(text->find("permute of f32[4, 5] from [{data},{}] to [{data},{}], 20 bytes: gather "
                       "moves slices to other devices\n3 collectives, 68 bytes a device\n"),
            std::string::npos)
      << *text;
  auto uses = collectivesOf(mainOf(*module));
  ASSERT_TRUE(succeeded(uses));
  auto costs = costsOf(mainOf(*module), *uses, oneNode(4));
  ASSERT_TRUE(succeeded(costs));
  int64_t bytes = 0;
  for (const UseCost &cost : *costs) {
    bytes += cost.bytes;
    EXPECT_GT(cost.seconds, 0);
  }
  EXPECT_EQ(bytes, 4 * 68);
  EXPECT_TRUE(succeeded(limitBytes(mainOf(*module), 24)));
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) { return mlir::success(); });
  EXPECT_TRUE(failed(limitBytes(mainOf(*module), 23)));
}

TEST_F(PartitionTest, ShardingsThatCannotBeAreErrorsAtTheirLine) {
  auto refused = [&](const std::string &text) {
    auto module = graph("a=2", R"(
      func.func @main(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
        %t = spmd.shard %x to ")" + text +
                                   R"(" : tensor<6x8xf32>
        return %t : tensor<6x8xf32>
      })");
    std::string said;
    mlir::ScopedDiagnosticHandler handler(
        &context, [&](mlir::Diagnostic &diagnostic) { said += diagnostic.str(); });
    EXPECT_TRUE(failed(insertCollectives(mainOf(*module))));
    return said;
  };
  EXPECT_EQ(refused("[{b},{}]"), "shard: the mesh a=2 has no axis b");
  EXPECT_EQ(refused("[{a}]"), "shard: the sharding [{a}] has 1 dims, the tensor 2");
  EXPECT_EQ(refused("[{},{}] partial(sum){a}"),
            "shard: which values are partial follows from the graph; say what is to be split");
}

TEST_F(PartitionTest, TheCheapestRemovalLeavesNothingOfItsGroup) {
  // features: X6
  const std::string body = R"(
    func.func @main(%x: tensor<8x16xf32> {weir.name = "x"},
                    %w: tensor<16x4xf32> {weir.name = "w", spmd.sharding = "[{model},{}]"})
        -> tensor<8x4xf32> {
      %y = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
      return %y : tensor<8x4xf32>
    })";
  const Cluster cluster = oneNode(2);
  auto module = graph("model=2", body), sharded = graph("model=2", body);
  ASSERT_TRUE(module && sharded);
  ASSERT_TRUE(succeeded(insertCollectives(mainOf(*sharded))));
  auto uses = collectivesOf(mainOf(*sharded));
  ASSERT_TRUE(succeeded(uses));
  auto costs = costsOf(mainOf(*sharded), *uses, cluster);
  auto mesh = meshOf(mainOf(*sharded));
  ASSERT_TRUE(succeeded(costs) && succeeded(mesh));
  const std::vector<CollectiveGroup> groups = groupsOf(*uses, *costs, *mesh);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups.front().kind, "all_reduce");
  EXPECT_GT(groups.front().seconds, 0);
  auto removal = cheapestRemoval(*module, groups.front(), cluster);
  ASSERT_TRUE(succeeded(removal) && removal->has_value());
  EXPECT_EQ((*removal)->annotation.substr(0, 5), "w as ");
  EXPECT_EQ((*removal)->seconds, 0);
}

} // namespace
} // namespace weir::distributed
