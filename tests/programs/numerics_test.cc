// The origin of NaN and infinity in compiled runs: the op is named in a backward pass, inside a
// scan, a while and a fused kernel, and nothing is updated.  features: X8
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr double infinite = std::numeric_limits<double>::infinity();

Array vec(const std::vector<double> &values) {
  return Array::from<double>({static_cast<int64_t>(values.size())}, values).cast(f32);
}

/// What the error says, or "" if there is none.
std::string messageOf(Program program, const Feeds &feeds = {}) {
  try {
    program.run(feeds);
  } catch (const Error &error) {
    EXPECT_THAT(error.file(), HasSubstr("numerics_test.cc"));
    return error.what();
  }
  return "";
}

std::string at(unsigned line) {
  return "numerics_test.cc:" + std::to_string(line) + ": ";
}

/// Compiled and interpreted.
std::vector<CompileOptions> modes() {
  return {{.checkNumerics = true}, {.interpret = true, .checkNumerics = true}};
}

TEST(CheckNumerics, NamesABackwardOpAndItsForwardOp) {
  for (const CompileOptions &options : modes()) {
    Graph g;
    Tensor x = g.input("x", f32, {3});
    Tensor w = g.variable("w", vec({1, 2, 3}));
    const unsigned line = __LINE__ + 1;
    Tensor root = sqrt(square(w * x));
    g.minimize(sum(root), nn::sgd(0.1));
    g.output("loss", sum(root));
    Program program = g.compile(options);
    EXPECT_EQ(messageOf(program, {{"x", vec({1, 1, 1})}}), "");
    const std::vector<double> before = program.variable("w").toDoubles();
    const std::string message = messageOf(program, {{"x", vec({1, 0, 1})}});
    // 0.5 / sqrt(0) is inf; times the derivative of the square, 0, it is NaN.
    EXPECT_THAT(message, HasSubstr(at(line) + "error: numerics: "));
    EXPECT_THAT(message, HasSubstr("makes inf in the derivative of sqrt"));
    EXPECT_THAT(message, HasSubstr("makes NaN in the cotangent of mul"));
    EXPECT_THAT(message, HasSubstr("element [1] of f32[3] is inf"));
    EXPECT_EQ(program.variable("w").toDoubles(), before);
    EXPECT_EQ(messageOf(program, {{"x", vec({1, 1, 1})}}), ""); // and it goes on
    EXPECT_NE(program.variable("w").toDoubles(), before);
  }
}

TEST(CheckNumerics, NamesAnInfinityThatReachesAVariable) {
  Graph g;
  Tensor w = g.variable("w", vec({1, 0, 4}));
  const unsigned line = __LINE__ + 1;
  Tensor loss = sum(sqrt(w));
  g.minimize(loss, nn::sgd(0.1));
  Program program = g.compile({.checkNumerics = true});
  const std::string message = messageOf(program);
  EXPECT_THAT(message, HasSubstr(at(line) + "error: numerics: "));
  EXPECT_THAT(message, HasSubstr("makes inf in the derivative of sqrt"));
  EXPECT_THAT(message, HasSubstr("what comes of it reaches variable 'w'"));
  EXPECT_THAT(program.variable("w").toDoubles(), ElementsAre(1, 0, 4));
}

TEST(CheckNumerics, NamesTheIterationOfAScan) {
  Graph g;
  Tensor xs = g.input("xs", f32, {5, 40});
  unsigned line = 0;
  const unsigned loop = __LINE__ + 1;
  auto [last, ys] = scan(g.zeros({40}), xs, [&](Tensor carry, Tensor x) {
    line = __LINE__ + 1;
    Tensor next = carry * 0.5 + log(x);
    return std::pair(next, next);
  });
  g.output("last", last);
  Program program = g.compile({.checkNumerics = true});
  std::vector<float> values(200, 1);
  values[3 * 40 + 7] = -2;
  const std::string message = messageOf(program, {{"xs", Array::from<float>({5, 40}, values)}});
  EXPECT_THAT(message, HasSubstr(at(line) + "error: numerics: log makes NaN"));
  EXPECT_THAT(message, HasSubstr("element [7] of f32[40] is NaN (1 of 40)"));
  EXPECT_THAT(message, HasSubstr("is -2 there"));
  EXPECT_THAT(message, HasSubstr(at(loop) + "note: in iteration 3, from 0, of the scan here"));
}

TEST(CheckNumerics, NamesTheIterationsOfNestedLoops) {
  Graph g;
  Tensor m = g.input("m", f32, {4, 4});
  // Products of the matrix with itself grow until they overflow, in a while inside of a scan.
  auto [last, ys] = scan(g.zeros({}), g.iota(f32, {3}), [&](Tensor carry, Tensor i) {
    TensorList grown = whileLoop(
        {m * i, g.zeros({}, i32)}, [](const TensorList &c) { return c[1] < 6; },
        [&](const TensorList &c) { return TensorList{matmul(c[0], c[0]), c[1] + 1}; });
    Tensor next = carry + sum(grown[0] - grown[0]);
    return std::pair(next, next);
  });
  g.output("last", last);
  Program program = g.compile({.checkNumerics = true});
  // With entries 4 i: 16^(2^k - 1)... overflows for i = 1 and not for i = 0.
  const std::string message = messageOf(program, {{"m", Array::full<float>({4, 4}, 16)}});
  EXPECT_THAT(message, HasSubstr("of the while here"));
  EXPECT_THAT(message, HasSubstr("in iteration 1, from 0, of the scan here"));
}

TEST(CheckNumerics, NamesTheOpInsideAFusedKernel) {
  Graph g;
  Tensor x = g.input("x", f32, {100}), y = g.input("y", f32, {100});
  Tensor a = tanh(x * 2 + 1), b = exp(y);
  const unsigned line = __LINE__ + 1;
  Tensor c = a / (b - 1);
  g.output("z", logistic(c - c) * 3);
  Program program = g.compile({.checkNumerics = true});
  EXPECT_EQ(program.session()->executable().kernels.size(), 1u);
  std::vector<double> ys(100, 1);
  ys[42] = 0;
  const std::string message =
      messageOf(program, {{"x", vec(std::vector<double>(100, 1))}, {"y", vec(ys)}});
  EXPECT_THAT(message, HasSubstr(at(line) + "error: numerics: div makes inf"));
  EXPECT_THAT(message, HasSubstr("element [42] of f32[100] is inf (1 of 100)"));
  EXPECT_THAT(message, HasSubstr("operand 1, f32[100], is 0 there"));
  EXPECT_THAT(message, HasSubstr("sub makes NaN"));
}

TEST(CheckNumerics, NamesTheLineOfItsOwnLaunchWhenKernelsAreShared) {
  Graph g;
  Tensor x = g.input("x", f32, {8, 8}), w = g.input("w", f32, {8, 8});
  Tensor a = log(matmul(x, w));
  const unsigned line = __LINE__ + 1;
  Tensor b = log(matmul(a, w));
  g.output("c", log(matmul(b, w)));
  Program program = g.compile({.checkNumerics = true});
  const runtime::Executable &executable = program.session()->executable();
  ASSERT_LT(static_cast<int64_t>(executable.kernels.size()),
            runtime::maxLaunches(executable.instructions));
  std::vector<float> identity(64);
  for (size_t i = 0; i < 64; i += 9) identity[i] = 1;
  // log(0.3) is negative, so the second logarithm is NaN.
  const Feeds feeds{{"x", Array::full<float>({8, 8}, 0.3f)},
                    {"w", Array::from<float>({8, 8}, identity)}};
  const std::string message = messageOf(program, feeds);
  EXPECT_THAT(message, HasSubstr(at(line) + "error: numerics: log makes NaN"));
}

TEST(CheckNumerics, LetsInfinitiesOnPurposePass) {
  Graph g;
  Tensor x = g.input("x", f32, {2, 4});
  Tensor mask = g.constant(Array::from<float>({4}, {0, 0, -INFINITY, 0}));
  g.output("softmax", nn::softmax(x + mask));
  g.output("masked", nn::softmax(select(g.iota(i32, {2, 4}) < 2, x, -infinite)));
  g.output("chosen", select(x > 0, log(x), 0));
  g.output("sigmoid", 1 / (1 + exp(-x * 1000)));
  g.output("infinite", x - infinite);
  Program program = g.compile({.checkNumerics = true});
  const Array feed = Array::from<float>({2, 4}, {0, 1, 2, 3, -4, 5, 0, -1});
  EXPECT_EQ(messageOf(program, {{"x", feed}}), "");
}

TEST(CheckNumerics, NamesTheFeedThatNanComesWith) {
  Graph g;
  Tensor x = g.input("x", f32, {3});
  g.output("y", x * 2);
  g.output("known", select(x != x, 0, x));
  Program program = g.compile({.checkNumerics = true});
  EXPECT_THAT(messageOf(program, {{"x", vec({1, NAN, 2})}}),
              HasSubstr("no op makes NaN: it comes with input 'x' and reaches output 'y'"));
  Graph h;
  Tensor z = h.input("x", f32, {3});
  h.output("known", select(z != z, 0, z));
  EXPECT_EQ(messageOf(h.compile({.checkNumerics = true}), {{"x", vec({1, NAN, 2})}}), "");
}

TEST(CheckNumerics, GivesTheSameBitsAsAnUncheckedRun) {
  auto losses = [](bool check) {
    Graph g(1);
    Tensor x = g.input("x", f32, {16, 8});
    nn::Mlp net(g, "net", {8, 32, 4});
    Tensor loss = mean(square(nn::softmax(net(x))));
    g.output("loss", loss);
    g.minimize(loss, nn::adam(0.01));
    Program step = g.compile({.checkNumerics = check});
    std::vector<double> values;
    for (int i = 0; i < 5; ++i)
      values.push_back(step.run({{"x", Array::full<float>({16, 8}, 0.5f)}}).scalar("loss"));
    return values;
  };
  EXPECT_EQ(losses(true), losses(false));
}

} // namespace
} // namespace weir
