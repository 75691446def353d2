// Loops that are one kernel, through the C++ interface: how often something is launched, and that
// bits are those of the same steps written out, which are launched one by one.
// features: G7 G11 X1
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

int64_t launchesOfARun(Program &program, const Feeds &feeds) {
  int64_t before = program.session()->counters().launches;
  program.run(feeds);
  return program.session()->counters().launches - before;
}

Array ramp(Shape shape, double from, double step) {
  int64_t count = 1;
  for (int64_t dim : shape) count *= dim;
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(from + step * i);
  return Array::from<float>(std::move(shape), values);
}

void expectSameBits(const Fetched &out, const std::string &one, const std::string &other) {
  const auto a = out[one].data<float>(), b = out[other].data<float>();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i], b[i]) << one << " at " << i;
}

TEST(SmallLoop, NewtonsRootIsOneLaunch) {
  Graph g;
  Tensor a = g.input("a", f32, {});
  g.output("root", whileLoop(
                       a, [a](Tensor x) { return abs(x * x / a - 1) > 1e-6; },
                       [a](Tensor x) { return 0.5 * (x + a / x); }));
  Program program = g.compile();
  for (float value : {2.0f, 9.0f, 0.37f, 1e4f}) {
    Fetched out = program.run({{"a", Array::scalar<float>(value)}});
    EXPECT_NEAR(out.scalar("root") / std::sqrt(value), 1, 1e-5);
  }
  EXPECT_EQ(launchesOfARun(program, {{"a", Array::scalar<float>(2)}}), 1);
}

/// `step` in a loop and written out.
void expectLoopIsOneLaunch(Shape shape, const std::function<Tensor(Tensor)> &step) {
  constexpr int trips = 12;
  Feeds feeds{{"x", ramp(shape, 0.1, 0.003)}};
  Graph both, loop;
  Tensor x = both.input("x", f32, shape);
  both.output("loop", repeat(trips, x, step));
  Tensor y = x;
  for (int i = 0; i < trips; ++i) y = step(y);
  both.output("steps", y);
  Program program = both.compile();
  expectSameBits(program.run(feeds), "loop", "steps");
  loop.output("loop", repeat(trips, loop.input("x", f32, shape), step));
  Program alone = loop.compile();
  EXPECT_EQ(launchesOfARun(alone, feeds), 1);
}

TEST(SmallLoop, HasTheBitsOfItsStepsOneByOne) {
  for (int64_t n : {1, 5, 8, 16, 100})
    expectLoopIsOneLaunch({n}, [](Tensor x) { return 3.7 * x * (1 - x); });
  expectLoopIsOneLaunch({7, 19}, [](Tensor x) { return nn::softmax(x * 3); });
  expectLoopIsOneLaunch({19, 7}, [](Tensor x) { return x / (1 + sum(x, {0}, true)); });
  expectLoopIsOneLaunch({12, 12}, [](Tensor x) { return tanh(matmul(x, x)); });
  expectLoopIsOneLaunch({6, 6}, [](Tensor x) { return sin(transpose(x) + cumsum(x, 0)); });
}

TEST(SmallLoop, ScansOverSlicesAndStacksInBothDirections) {
  constexpr int64_t steps = 9, n = 21;
  for (bool reverse : {false, true}) {
    Graph g;
    Tensor xs = g.input("xs", f32, {steps, n});
    auto step = [](Tensor carry, Tensor x) { return carry * 0.5 + exp(x - carry); };
    Scanned all = scan({g.zeros({n})}, {xs},
                       [&](const TensorList &c, const TensorList &x) -> Scanned {
                         Tensor next = step(c[0], x[0]);
                         return {{next}, {next * x[0]}};
                       },
                       {.reverse = reverse});
    g.output("loop", all.ys[0]);
    Tensor carry = g.zeros({n});
    std::vector<Tensor> rows(steps);
    for (int64_t k = 0; k < steps; ++k) {
      int64_t i = reverse ? steps - 1 - k : k;
      Tensor x = reshape(slice(xs, {i, 0}, {i + 1, n}), {n});
      carry = step(carry, x);
      rows[i] = reshape(carry * x, {1, n});
    }
    g.output("steps", concatenate(rows, 0));
    Program program = g.compile();
    expectSameBits(program.run({{"xs", ramp({steps, n}, -0.7, 0.008)}}), "loop", "steps");
  }
}

TEST(SmallLoop, DerivativesAreFewLaunches) {
  for (bool interpret : {false, true}) {
    Graph g;
    Tensor v = g.input("v", f64, {3});
    auto loss = [](Tensor v) { return sum(repeat(30, v, [](Tensor c) { return sin(c) * 1.1; })); };
    g.output("grad", grad(loss)(v)[0]);
    Program program = g.compile({.interpret = interpret});
    Feeds feeds{{"v", Array::from<double>({3}, std::vector<double>{0.2, 0.9, -1.4})}};
    Fetched out = program.run(feeds);
    double start[] = {0.2, 0.9, -1.4};
    for (int i = 0; i < 3; ++i) {
      double x = start[i], slope = 1;
      for (int k = 0; k < 30; ++k) slope *= 1.1 * std::cos(x), x = 1.1 * std::sin(x);
      EXPECT_NEAR(out["grad"].data<double>()[i] / slope, 1, 1e-12);
    }
    if (!interpret) EXPECT_LE(launchesOfARun(program, feeds), 3);
  }
}

TEST(SmallLoop, VariablesAreUpdatedInPlace) {
  Graph g;
  Tensor w = g.variable("w", ramp({40}, 1, 1));
  g.assign(w, repeat(3, w, [](Tensor c) { return c * 0.5; }));
  Program program = g.compile();
  EXPECT_EQ(launchesOfARun(program, {}), 1);
  EXPECT_EQ(program.variable("w").data<float>()[39], 5);
  EXPECT_LE(program.session()->memory().arenaBytes, 1024);
}

} // namespace
} // namespace weir
