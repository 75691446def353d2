// Attention in blocks: equal to attention over all positions at once, in memory that grows with
// their number.  features: L5
#include "frontend/data/philox.h"
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir {
namespace {

Array randomArray(TensorType type, uint64_t seed) {
  data::Philox random(seed);
  std::vector<double> values(static_cast<size_t>(*runtime::elementCount(type.shape)));
  for (double &value : values) value = 2 * random.uniform() - 1;
  return Array::from<double>(type.shape, values).cast(type.dtype);
}

struct Case {
  DType dtype;
  int64_t queries, keys, block;
  bool causal;
  double bound;
};

/// Both forms, and cotangents of all three operands.
void expectEqual(const Case &c) {
  Graph graph;
  const Shape q{2, 3, c.queries, 8}, k{2, 3, c.keys, 8}, v{2, 3, c.keys, 5};
  const TensorList in{graph.input("q", c.dtype, q), graph.input("k", c.dtype, k),
                      graph.input("v", c.dtype, v)};
  const Tensor whole = nn::attention(in[0], in[1], in[2], c.causal);
  const Tensor blocked = nn::blockedAttention(in[0], in[1], in[2], {c.causal, c.block});
  const auto add = [&](const std::string &name, const Tensor &y) {
    graph.output(name, convert(y, f64));
    const TensorList gradients = graph.gradients(sum(convert(sin(y * 3) * y, f64)), in);
    for (size_t i = 0; i < 3; ++i)
      graph.output(name + std::to_string(i), convert(gradients[i], f64));
  };
  add("whole", whole);
  add("blocked", blocked);
  const Feeds feeds{{"q", randomArray({c.dtype, q}, 1)},
                    {"k", randomArray({c.dtype, k}, 2)},
                    {"v", randomArray({c.dtype, v}, 3)}};
  const Fetched got = graph.compile().run(feeds);
  for (const char *part : {"", "0", "1", "2"}) {
    const Array &a = got[std::string("whole") + part], &b = got[std::string("blocked") + part];
    ASSERT_EQ(a.dims(), b.dims());
    for (int64_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a.at(i), b.at(i), c.bound)
          << part << " at " << i << ", keys " << c.keys << " in blocks of " << c.block;
  }
}

TEST(BlockedAttention, EqualsAttentionForwardAndBackward) {
  for (bool causal : {true, false})
    for (int64_t block : {4, 7, 16, 100}) {
      expectEqual({f64, 16, 16, block, causal, 1e-12});
      expectEqual({f32, 5, 21, block, causal, 2e-5});
    }
  expectEqual({f64, 9, 6, 4, false, 1e-12}); // more queries than keys
  expectEqual({f64, 1, 1, 128, true, 1e-12});
}

TEST(BlockedAttention, SumsOfNarrowTypesAreWide) {
  expectEqual({bf16, 16, 16, 4, true, 0.1});
  expectEqual({f16, 16, 16, 4, true, 0.02});
}

TEST(BlockedAttention, HasASecondDerivative) {
  Graph graph;
  const Tensor q = graph.input("q", f64, {4, 2});
  const auto second = [&](const auto &form) {
    const Tensor first = graph.gradients(sum(sin(form(q))), {q})[0];
    return graph.gradients(sum(first * first), {q})[0];
  };
  graph.output("error",
               reduceMax(abs(second([](const Tensor &x) { return nn::attention(x, x, x); }) -
                             second([](const Tensor &x) {
                               return nn::blockedAttention(x, x, x, {.block = 2});
                             }))));
  EXPECT_LT(graph.compile().run({{"q", randomArray({f64, {4, 2}}, 5)}}).scalar("error"), 1e-11);
}

TEST(BlockedAttention, IsComputedAgainInACheckpoint) {
  Graph graph;
  const Tensor q = graph.input("q", f64, {6, 2});
  const Function form([](Tensor x) { return nn::blockedAttention(x * 2, x, sin(x), {.block = 4}); },
                      "attention");
  const Tensor kept = graph.gradients(sum(square(form(q)[0])), {q})[0],
               again = graph.gradients(sum(square(checkpoint(form)(q)[0])), {q})[0];
  graph.output("error", reduceMax(abs(kept - again)));
  EXPECT_EQ(graph.compile().run({{"q", randomArray({f64, {6, 2}}, 5)}}).scalar("error"), 0);
}

/// Arena of a training step's attention, all of whose operands and results lie outside it.
int64_t arenaBytes(int64_t t, bool blocked) {
  Graph graph;
  const Shape shape{1, 2, t, 16};
  const TensorList in{graph.input("q", f32, shape), graph.input("k", f32, shape),
                      graph.input("v", f32, shape)};
  const Tensor y = blocked ? nn::blockedAttention(in[0], in[1], in[2], {.block = 64})
                           : nn::attention(in[0], in[1], in[2]);
  const TensorList gradients = graph.gradients(sum(y * y), in);
  for (size_t i = 0; i < 3; ++i) graph.output("d" + std::to_string(i), gradients[i]);
  return graph.compile().session()->executable().arenaBytes;
}

TEST(BlockedAttention, TakesMemoryThatGrowsWithThePositions) {
  std::vector<int64_t> blocked;
  for (int64_t t : {512, 1024, 2048, 4096}) {
    blocked.push_back(arenaBytes(t, true));
    std::printf("%ld positions: arena of %ld bytes in blocks\n", t, blocked.back());
  }
  for (size_t i = 1; i < blocked.size(); ++i) EXPECT_LE(blocked[i], 2.05 * blocked[i - 1]);
  const int64_t whole = arenaBytes(2048, false);
  std::printf("2048 positions: arena of %ld bytes at once\n", whole);
  EXPECT_GT(whole, 5 * blocked[2]);
  EXPECT_GT(whole, 3.5 * arenaBytes(1024, false)); // its square
}

/// A layer takes that form by itself where there are many positions.
TEST(BlockedAttention, IsWhatLayersUseForLongSequences) {
  std::vector<int64_t> bytes;
  for (int64_t t : {1024, 2048, 4096}) {
    Graph graph;
    nn::Attention attention(graph, "attention", 8, 2);
    graph.minimize(mean(square(attention(graph.input("x", f32, {1, t, 8})))), nn::sgd(0.1));
    bytes.push_back(graph.compile().session()->executable().arenaBytes);
  }
  EXPECT_LE(bytes[1], 2.05 * bytes[0]);
  EXPECT_LE(bytes[2], 2.05 * bytes[1]);
}

TEST(BlockedAttention, SaysWhatDoesNotFit) {
  Graph graph;
  const Tensor q = graph.input("q", f32, {2, 4, 8}), k = graph.input("k", f32, {2, 3, 8});
  EXPECT_THROW(nn::blockedAttention(q, k, k), Error); // causal with fewer keys
  EXPECT_THROW(nn::blockedAttention(q, q, k), Error);
  EXPECT_THROW(nn::blockedAttention(q, q, q, {.block = 0}), Error);
}

} // namespace
} // namespace weir
