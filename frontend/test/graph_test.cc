// Building graphs and running them with the interpreter: broadcasting, numbers, variables, control
// flow. features: F1 X3
#include "frontend/weir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The graph's only output after one interpreted run.
Array evaluate(Graph graph, const Tensor &value, const Feeds &feeds = {}) {
  const std::string name = "value" + std::to_string(graph.toMlir().size());
  graph.output(name, value);
  return graph.compile({.interpret = true}).run(feeds)[name];
}

std::vector<double> values(Graph graph, const Tensor &value, const Feeds &feeds = {}) {
  return evaluate(std::move(graph), value, feeds).toDoubles();
}

TEST(Graph, BroadcastsAsNumPyDoes) {
  Graph g;
  Tensor row = g.constant(Array::from<float>({3}, {1, 2, 3}));
  Tensor column = g.constant(Array::from<float>({2, 1}, {10, 20}));
  Tensor sum = row + column;
  EXPECT_EQ(sum.shape(), (Shape{2, 3}));
  EXPECT_THAT(values(g, sum), ElementsAre(11, 12, 13, 21, 22, 23));
}

TEST(Graph, NumbersTakeTheTensorsDtype) {
  Graph g;
  Tensor x = g.constant(Array::from<int32_t>({2}, {5, 7}));
  EXPECT_EQ((2 * x - 1).dtype(), i32);
  EXPECT_THAT(values(g, 2 * x - 1), ElementsAre(9, 13));
}

TEST(Graph, OperatorsAndComparisons) {
  Graph g;
  Tensor x = g.constant(Array::from<float>({4}, {-1, 0, 1, 2}));
  EXPECT_THAT(values(g, select((x >= 0) & (x != 1), -x, x / 2)), ElementsAre(-0.5, -0.0, 0.5, -2));
}

TEST(Graph, MatmulFollowsNumPysRanks) {
  Graph g;
  auto ones = [&](Shape shape) { return g.full(std::move(shape), 1); };
  EXPECT_EQ(matmul(ones({2, 3}), ones({3, 4})).shape(), (Shape{2, 4}));
  EXPECT_EQ(matmul(ones({5, 2, 3}), ones({3, 4})).shape(), (Shape{5, 2, 4}));
  EXPECT_EQ(matmul(ones({5, 2, 3}), ones({5, 3, 4})).shape(), (Shape{5, 2, 4}));
  EXPECT_EQ(matmul(ones({5, 1, 2, 3}), ones({6, 3, 4})).shape(), (Shape{5, 6, 2, 4}));
  EXPECT_EQ(matmul(ones({3}), ones({3, 4})).shape(), (Shape{4}));
  EXPECT_EQ(matmul(ones({3}), ones({5, 3, 4})).shape(), (Shape{5, 4}));
  EXPECT_EQ(matmul(ones({2, 3}), ones({3})).shape(), (Shape{2}));
  EXPECT_EQ(matmul(ones({3}), ones({3})).shape(), Shape{});
}

TEST(Graph, LayoutFunctionsSettleDims) {
  Graph g;
  Tensor x = reshape(g.iota(i32, {6}), {2, -1});
  EXPECT_EQ(x.shape(), (Shape{2, 3}));
  EXPECT_THAT(values(g, transpose(x)), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(values(g, sliceDim(x, -1, -2, 3)), ElementsAre(1, 2, 4, 5));
  EXPECT_EQ(expandDims(x, -1).shape(), (Shape{2, 3, 1}));
  EXPECT_EQ(split(x, 3).size(), 3u);
  EXPECT_EQ(sum(x, -1, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(mean(convert(x, f32)).shape(), Shape{});
}

TEST(Graph, VariablesKeepTheirValuesBetweenRuns) {
  Graph g;
  Tensor x = g.input("x", f32, {});
  Tensor total = g.variable("total", Array::scalar(1.0f));
  g.output("before", total);
  g.assign(total, total + x);
  Program program = g.compile({.interpret = true});
  EXPECT_EQ(program.run({{"x", Array::scalar(2.0f)}}).scalar("before"), 1);
  EXPECT_EQ(program.run({{"x", Array::scalar(3.0f)}}).scalar("before"), 3);
  EXPECT_EQ(program.variable("total").at(0), 6);
  program.setVariable("total", Array::scalar(0.5f));
  EXPECT_EQ(program.run({{"x", Array::scalar(0.0f)}}).scalar("before"), 0.5);
}

TEST(Graph, ProgramsCanShareVariables) {
  Graph train;
  Tensor w = train.variable("w", Array::scalar(1.0f));
  train.assign(w, w + 1);
  Program step = train.compile({.interpret = true});
  Graph evaluation;
  evaluation.output("twice", 2 * evaluation.variable("w", Array::scalar(9.0f)));
  Program look = evaluation.compile({.interpret = true, .shareVariables = &step});
  step.run();
  EXPECT_EQ(look.run().scalar("twice"), 4);
}

TEST(Graph, CanGrowAfterCompiling) {
  Graph g;
  Tensor x = g.scalar(3);
  g.output("a", x);
  Program first = g.compile({.interpret = true});
  g.output("b", x * x);
  EXPECT_EQ(g.compile({.interpret = true}).run().scalar("b"), 9);
  EXPECT_EQ(first.outputs().size(), 1u);
}

TEST(Graph, FetchesOnlyWhatIsAskedFor) {
  Graph g;
  g.output("a", g.scalar(1));
  g.output("b", g.scalar(2));
  Program program = g.compile({.interpret = true});
  EXPECT_EQ(program.run({}, {"b"}).all().size(), 1u);
}

TEST(Control, ScanCarriesAndStacks) {
  Graph g;
  Tensor xs = g.constant(Array::from<float>({4}, {1, 2, 3, 4})), scale = g.scalar(10);
  auto [carry, ys] = scan(g.scalar(0), xs, [&](Tensor sum, Tensor x) {
    Tensor next = sum + x;
    return std::pair(next, next * scale);
  });
  g.output("carry", carry);
  EXPECT_THAT(values(g, ys), ElementsAre(10, 30, 60, 100));
  EXPECT_EQ(g.compile({.interpret = true}).run().scalar("carry"), 10);
}

TEST(Control, ReverseScanKeepsPositions) {
  Graph g;
  Tensor xs = g.constant(Array::from<float>({3}, {1, 2, 3}));
  auto step = [](Tensor sum, Tensor x) { return std::pair(sum + x, sum + x); };
  EXPECT_THAT(values(g, scan(g.scalar(0), xs, step, {.reverse = true}).second),
              ElementsAre(6, 5, 3));
}

TEST(Control, RepeatRunsTheBodyNTimes) {
  Graph g;
  EXPECT_THAT(values(g, repeat(5, g.scalar(1), [](Tensor x) { return 2 * x; })), ElementsAre(32));
}

TEST(Control, CondTakesOneBranch) {
  Graph g;
  Tensor x = g.input("x", f32, {});
  Tensor y = cond(x > 0, [&] { return sqrt(x); }, [&] { return x * x; });
  EXPECT_THAT(values(g, y, {{"x", Array::scalar(9.0f)}}), ElementsAre(3));
}

TEST(Random, SameKeySameNumbers) {
  Graph g;
  Tensor key = g.constant(Array::from<int32_t>({2}, {7, 9}));
  Tensor u = uniform(key, {1000}), n = normal(key, {1000}), d = uniform(key, {1000}, f64);
  g.output("same", reduceAnd(u == uniform(key, {1000})));
  g.output("low", reduceMin(u));
  g.output("high", reduceMax(u));
  g.output("mean", mean(n));
  g.output("variance", variance(n));
  g.output("wide", mean(d));
  Fetched out = g.compile({.interpret = true}).run();
  EXPECT_EQ(out.scalar("same"), 1);
  EXPECT_GE(out.scalar("low"), 0);
  EXPECT_LT(out.scalar("high"), 1);
  EXPECT_NEAR(out.scalar("mean"), 0, 0.1);
  EXPECT_NEAR(out.scalar("variance"), 1, 0.15);
  EXPECT_NEAR(out.scalar("wide"), 0.5, 0.03);
}

TEST(Graph, ATensorIsACheapHandleAndOutlivesItsGraph) {
  Tensor kept;
  {
    Graph g;
    kept = g.scalar(2);
  }
  EXPECT_EQ((kept + 1).type().str(), "f32[]");
}

} // namespace
} // namespace weir
