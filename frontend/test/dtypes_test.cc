// Every dtype from the C++ API to the machine and back: fed, computed with numbers beside it,
// fetched, kept in variables, cast. features: F6 F1
#include "frontend/weir.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::ElementsAre;

const std::vector<DType> kFloats = {f16, bf16, f32, f64};
const std::vector<DType> kIntegers = {i8, i16, i32, i64, u8, u16, u32, u64};

/// The output of a graph with one, compiled and interpreted, which must agree.
Array evaluate(Graph graph, const Tensor &value, const Feeds &feeds = {}) {
  graph.output("y", value);
  Array compiled = graph.compile().run(feeds)["y"];
  EXPECT_TRUE(compiled == graph.compile({.interpret = true}).run(feeds)["y"]);
  return compiled;
}

Array numbers(DType dtype, const std::vector<double> &values) {
  return Array::from<double>({int64_t(values.size())}, values).cast(dtype);
}

TEST(Dtypes, AreFedComputedAndFetched) {
  for (DType dtype : {f16, bf16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64}) {
    Graph g;
    Tensor x = g.input("x", dtype, {4});
    Tensor y = select(x > 2, x * 3 - 1, g.iota(dtype, {4}));
    EXPECT_EQ(y.dtype(), dtype);
    Array got = evaluate(g, y, {{"x", numbers(dtype, {1, 2, 3, 4})}});
    EXPECT_EQ(got.dtype(), dtype);
    EXPECT_THAT(got.toDoubles(), ElementsAre(0, 1, 8, 11)) << runtime::dtypeName(dtype);
  }
}

TEST(Dtypes, HostElementsOfHalfPrecision) {
  EXPECT_EQ(float(float16(1 + 0x1p-11)), 1);
  EXPECT_EQ(float(bfloat16(1 + 0x3p-8)), 1 + 0x1p-6);
  Graph g;
  Tensor x = g.input("x", f16, {2});
  Array got = evaluate(g, x + x, {{"x", Array::from<float16>({2}, {float16(1.5), float16(-2)})}});
  EXPECT_EQ(float(got.data<float16>()[0]), 3);
  EXPECT_EQ(float(got.data<float16>()[1]), -4);
}

TEST(Dtypes, UnsignedIntegersAreNotSigned) {
  Graph g;
  Tensor x = g.input("x", u8, {3});
  Tensor y = concatenate(
      {max(x, 100), x / 3, x % 7, shiftRightLogical(x, 1), x - 1, convert(x > 127, u8)}, 0);
  Array got = evaluate(g, y, {{"x", Array::from<uint8_t>({3}, {0, 100, 200})}});
  EXPECT_THAT(got.data<uint8_t>(),
              ElementsAre(100, 100, 200, 0, 33, 66, 0, 2, 4, 0, 50, 100, 255, 99, 199, 0, 0, 1));
}

TEST(Dtypes, IntegersWrapAndNeverTrap) {
  for (DType dtype : kIntegers) {
    Graph g;
    Tensor x = g.input("x", dtype, {2}), zero = g.input("z", dtype, {2});
    Array ones = numbers(dtype, {5, 7});
    Array got = evaluate(g, concatenate({x / zero, x % zero}, 0),
                         {{"x", ones}, {"z", Array::zeros(dtype, {2})}});
    EXPECT_EQ(got.at(0), runtime::isUnsigned(dtype)
                             ? std::exp2(8 * runtime::dtypeBytes(dtype)) - (dtype == u64 ? 0 : 1)
                             : -1);
    EXPECT_EQ(got.at(2), 5);
  }
}

TEST(Dtypes, NarrowSumsAreMadeInWiderNumbers) {
  for (DType dtype : {f16, bf16}) {
    Graph g; // One by one, the sum would stop at 2048 (256).
    Tensor x = g.input("x", dtype, {4, 1024});
    Array ones = Array::full<float>({4, 1024}, 1).cast(dtype);
    EXPECT_THAT(evaluate(g, sum(x, 1), {{"x", ones}}).toDoubles(),
                ElementsAre(1024, 1024, 1024, 1024));
    Graph h;
    Tensor y = h.input("x", dtype, {4, 1024});
    EXPECT_EQ(evaluate(h, matmul(y, transpose(y, {1, 0})), {{"x", ones}}).at(5), 1024);
    Graph all;
    Tensor z = all.input("x", dtype, {4, 1024});
    EXPECT_EQ(evaluate(all, sum(z), {{"x", ones}}).at(0), 4096);
  }
}

TEST(Dtypes, GradientsOfHalfPrecision) {
  for (DType dtype : kFloats) {
    Graph g;
    Tensor x = g.input("x", dtype, {2});
    Tensor gradient = grad([](Tensor t) { return sum(t * t * t); })(x);
    EXPECT_THAT(evaluate(g, gradient, {{"x", numbers(dtype, {1, 2})}}).toDoubles(),
                ElementsAre(3, 12));
  }
}

TEST(Dtypes, TrainInBFloat16) {
  Graph g;
  Tensor x = g.input("x", bf16, {8, 4}), target = g.input("t", bf16, {8, 1});
  nn::Linear layer(g, "layer", 4, 1, {.dtype = bf16});
  Tensor difference = layer(x) - target, loss = mean(difference * difference);
  g.output("loss", loss);
  g.minimize(loss, nn::sgd(0.05));
  Program step = g.compile();
  std::vector<double> points, targets;
  for (int i = 0; i < 32; ++i) points.push_back(std::sin(i * 1.7));
  for (int i = 0; i < 8; ++i) targets.push_back(points[4 * i] - points[4 * i + 1]);
  Feeds feeds = {{"x", Array::from<double>({8, 4}, points).cast(bf16)},
                 {"t", Array::from<double>({8, 1}, targets).cast(bf16)}};
  double first = step.run(feeds).scalar("loss"), last = 0;
  for (int i = 0; i < 200; ++i) last = step.run(feeds).scalar("loss");
  EXPECT_LT(last, 0.05 * first);
}

TEST(Dtypes, UniformNumbersStayBelowOne) {
  for (DType dtype : kFloats) {
    Graph g;
    Tensor u = uniform(g.input("key", i32, {2}), {1000}, dtype);
    Array got = evaluate(g, u, {{"key", Array::from<int32_t>({2}, {1, 2})}});
    for (double v : got.toDoubles()) ASSERT_TRUE(v >= 0 && v < 1) << runtime::dtypeName(dtype);
  }
}

TEST(Dtypes, VariablesAreUpdated) {
  std::vector<std::pair<std::string, Array>> tensors;
  for (DType dtype : {f16, bf16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64})
    tensors.push_back({std::string(runtime::dtypeName(dtype)), numbers(dtype, {0, 1, 2, 100})});
  for (auto &[name, array] : tensors) {
    Graph g;
    Tensor v = g.variable("v", array);
    g.assign(v, v + 1);
    g.output("y", v);
    Program program = g.compile();
    program.run();
    EXPECT_THAT(program.variable("v").toDoubles(), ElementsAre(1, 2, 3, 101)) << name;
  }
}

} // namespace
} // namespace weir
