// Loops whose length is known only when they run, through the C++ interface, interpreted and
// compiled: values, derivatives in both modes and to second order, and memory that does not grow.
// features: A7 A8 G11 G12 X1
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

class While : public ::testing::TestWithParam<bool> {
protected:
  Program compile(const Graph &graph) { return graph.compile({.interpret = GetParam()}); }
};

INSTANTIATE_TEST_SUITE_P(Backends, While, ::testing::Values(true, false),
                         [](auto info) { return info.param ? "Interpreter" : "Compiled"; });

/// v <- 4 v (1 - v), n times.
Tensor logistic(Tensor v, Tensor n, int64_t snapshots) {
  Tensor zero = n - n;
  return whileLoop(
      {v, zero}, [n](const TensorList &c) { return c[1] < n; },
      [](const TensorList &c) { return TensorList{4 * c[0] * (1 - c[0]), c[1] + 1}; },
      {.snapshots = snapshots})[0];
}

/// With v0 = sin(a)^2, v_n = sin(2^n a)^2.
struct Closed {
  double value, slope;
};
Closed closedForm(double v, int n) {
  double a = std::asin(std::sqrt(v)), b = std::ldexp(a, n);
  return {std::pow(std::sin(b), 2), std::ldexp(std::sin(2 * b) / std::sin(2 * a), n)};
}

TEST_P(While, LogisticMapHasTheSlopeOfItsClosedForm) {
  Graph g;
  Tensor v = g.input("v", f64, {}), n = g.input("n", i64, {}), one = g.scalar(1, f64);
  for (int64_t snapshots : {1, 2, 3, 16}) {
    Function f([n, snapshots](Tensor v) { return logistic(v, n, snapshots); });
    std::string suffix = std::to_string(snapshots);
    Results reverse = valueAndGrad(f)(v), forward = jvp(f)(v, one);
    g.output("value" + suffix, reverse[0]);
    g.output("reverse" + suffix, reverse[1]);
    g.output("forward" + suffix, forward[1]);
  }
  Program program = compile(g);
  for (int trips : {0, 1, 2, 3, 4, 5, 11, 20}) {
    double start = 0.3;
    Closed expected = closedForm(start, trips);
    Fetched out =
        program.run({{"v", Array::scalar<double>(start)}, {"n", Array::scalar<int64_t>(trips)}});
    for (const char *snapshots : {"1", "2", "3", "16"}) {
      double scale = std::ldexp(1e-14, trips);
      EXPECT_NEAR(out.scalar(std::string("value") + snapshots), expected.value, scale) << trips;
      for (const char *mode : {"forward", "reverse"})
        EXPECT_NEAR(out.scalar(std::string(mode) + snapshots), expected.slope,
                    scale * std::ldexp(1.0, trips))
            << mode << " " << snapshots << " " << trips;
    }
  }
}

/// Newton's iteration for the root of a, until it stands still to 1e-12.
Tensor newtonRoot(Tensor a) {
  return whileLoop(
      a, [a](Tensor x) { return abs(x * x - a) > 1e-12 * a; },
      [a](Tensor x) { return 0.5 * (x + a / x); });
}

TEST_P(While, NewtonsRootHasFirstAndSecondDerivative) {
  Graph g;
  Tensor a = g.input("a", f64, {}), one = g.scalar(1, f64);
  Function f(newtonRoot);
  g.output("root", f(a)[0]);
  g.output("forward", jvp(f)(a, one)[1]);
  g.output("reverse", grad(f)(a)[0]);
  g.output("forwardOverReverse", jvp(grad(f))(a, one)[1]);
  g.output("reverseOverReverse", grad(grad(f))(a)[0]);
  g.output("reverseOverForward", grad([f, one](Tensor x) { return jvp(f)(x, one)[1]; })(a)[0]);
  Program program = compile(g);
  for (double value : {2.0, 9.0, 0.37, 1e4}) {
    Fetched out = program.run({{"a", Array::scalar<double>(value)}});
    double root = std::sqrt(value), second = -0.25 / (root * value);
    EXPECT_NEAR(out.scalar("root") / root, 1, 1e-11);
    EXPECT_NEAR(out.scalar("forward") * 2 * root, 1, 1e-9);
    EXPECT_NEAR(out.scalar("reverse") * 2 * root, 1, 1e-9);
    for (const char *name : {"forwardOverReverse", "reverseOverReverse", "reverseOverForward"})
      EXPECT_NEAR(out.scalar(name) / second, 1, 1e-5) << name << " at " << value;
  }
}

/// The same, a step being a call of a function that closes over `a`, and calls another one.
Tensor newtonRootByCalls(Tensor a) {
  Function quotient([a](Tensor x) { return a / x; }, "quotient");
  Function step([quotient](Tensor x) { return 0.5 * (x + quotient(x)[0]); }, "step");
  return whileLoop(
      a, [a](Tensor x) { return abs(x * x - a) > 1e-12 * a; },
      [step](Tensor x) { return step(x)[0]; });
}

TEST_P(While, StepsThatCallFunctionsHaveFirstAndSecondDerivative) {
  Graph g;
  Tensor a = g.input("a", f64, {}), one = g.scalar(1, f64);
  Function f(newtonRootByCalls);
  g.output("forward", jvp(f)(a, one)[1]);
  g.output("reverse", grad(f)(a)[0]);
  g.output("forwardOverReverse", jvp(grad(f))(a, one)[1]);
  g.output("reverseOverReverse", grad(grad(f))(a)[0]);
  g.output("reverseOverForward", grad([f, one](Tensor x) { return jvp(f)(x, one)[1]; })(a)[0]);
  Program program = compile(g);
  for (double value : {2.0, 0.37, 1e4}) {
    Fetched out = program.run({{"a", Array::scalar<double>(value)}});
    double root = std::sqrt(value), second = -0.25 / (root * value);
    for (const char *name : {"forward", "reverse"})
      EXPECT_NEAR(out.scalar(name) * 2 * root, 1, 1e-9) << name << " at " << value;
    for (const char *name : {"forwardOverReverse", "reverseOverReverse", "reverseOverForward"})
      EXPECT_NEAR(out.scalar(name) / second, 1, 1e-5) << name << " at " << value;
  }
}

/// sin, n times, by a call inside of branches and loops of the body; closes over `scale`.
Tensor sines(Tensor v, Tensor scale, Tensor n) {
  Function step([scale](Tensor x) { return sin(x) * scale; }, "sine");
  auto twiceOrOnce = [step](Tensor x) {
    Tensor once = cond(x > 0.5, [&] { return step(x)[0]; }, [&] { return step(x)[0] + 0 * x; });
    return scan({once}, {},
                [step](const TensorList &c, const TensorList &) {
                  return Scanned{{step(c[0])[0]}, {}};
                },
                {.trips = 2})
        .carries[0];
  };
  return whileLoop(
      {v, n - n}, [n](const TensorList &c) { return c[1] < n; },
      [&](const TensorList &c) { return TensorList{twiceOrOnce(c[0]), c[1] + 1}; })[0];
}

TEST_P(While, CallsInBranchesAndLoopsOfABodyHaveAHessian) {
  Graph g;
  Tensor v = g.input("v", f64, {}), scale = g.input("scale", f64, {}), n = g.input("n", i64, {});
  Function f([n](Tensor v, Tensor scale) { return sines(v, scale, n); });
  Function sum2([f](Tensor v, Tensor scale) {
    Results slopes = grad(f, {0, 1})(v, scale);
    return slopes[0] + slopes[1];
  });
  g.output("slope", f(v, scale)[0]);
  Results slopes = grad(f, {0, 1})(v, scale), seconds = grad(sum2, {0, 1})(v, scale);
  for (int i : {0, 1}) {
    g.output("slope" + std::to_string(i), slopes[i]);
    g.output("second" + std::to_string(i), seconds[i]);
  }
  Program program = compile(g);
  auto run = [&](double at, double by) {
    return program.run({{"v", Array::scalar<double>(at)},
                        {"scale", Array::scalar<double>(by)},
                        {"n", Array::scalar<int64_t>(3)}});
  };
  constexpr double h = 1e-5, at = 0.9, by = 1.1;
  Fetched out = run(at, by);
  auto slopeSum = [](const Fetched &o) { return o.scalar("slope0") + o.scalar("slope1"); };
  double byV = (slopeSum(run(at + h, by)) - slopeSum(run(at - h, by))) / (2 * h),
         byScale = (slopeSum(run(at, by + h)) - slopeSum(run(at, by - h))) / (2 * h);
  EXPECT_NEAR(out.scalar("second0"), byV, 1e-7 * (1 + std::abs(byV)));
  EXPECT_NEAR(out.scalar("second1"), byScale, 1e-7 * (1 + std::abs(byScale)));
}

TEST_P(While, BodyMayHaveAReverseRuleOfItsOwn) {
  Graph g;
  Tensor v = g.input("v", f64, {}), n = g.input("n", i64, {});
  // The rule says thrice the slope, to be told from the function's own.
  Function sine([](Tensor x) { return sin(x); });
  Function forward([](Tensor x) { return TensorList{sin(x), cos(x)}; });
  Function backward([](Tensor slope, Tensor ct) { return 3 * slope * ct; });
  Function step = customVjp(sine, forward, backward);
  auto loss = [=](Tensor v) {
    return whileLoop(
        {v, n - n}, [n](const TensorList &c) { return c[1] < n; },
        [step](const TensorList &c) { return TensorList{step(c[0])[0], c[1] + 1}; })[0];
  };
  g.output("slope", grad(loss)(v)[0]);
  Program program = compile(g);
  for (int64_t trips : {0, 1, 5}) {
    double x = 0.7, slope = 1;
    for (int64_t i = 0; i < trips; ++i) slope *= 3 * std::cos(x), x = std::sin(x);
    Fetched out =
        program.run({{"v", Array::scalar<double>(0.7)}, {"n", Array::scalar<int64_t>(trips)}});
    EXPECT_NEAR(out.scalar("slope") / slope, 1, 1e-12) << trips;
  }
}

TEST(ReverseThroughWhile, NeedsTheSameMemoryForAnyNumberOfSteps) {
  Graph g;
  Tensor v = g.input("v", f64, {64}), n = g.input("n", i64, {});
  auto loss = [n](Tensor v) {
    Tensor zero = n - n;
    return sum(whileLoop(
        {v, zero}, [n](const TensorList &c) { return c[1] < n; },
        [](const TensorList &c) { return TensorList{sin(c[0]) * 1.0001, c[1] + 1}; })[0]);
  };
  g.output("grad", grad(loss)(v)[0]);
  Program program = g.compile();
  std::vector<double> start(64);
  for (int i = 0; i < 64; ++i) start[i] = 0.01 * (i + 1);
  for (int64_t trips : {10, 3000, 1000000}) {
    Fetched out = program.run(
        {{"v", Array::from<double>({64}, start)}, {"n", Array::scalar<int64_t>(trips)}});
    for (int i = 0; i < 64; ++i) {
      double x = start[i], slope = 1;
      for (int64_t k = 0; k < trips; ++k) slope *= 1.0001 * std::cos(x), x = 1.0001 * std::sin(x);
      EXPECT_NEAR(out["grad"].data<double>()[i] / slope, 1, 1e-9) << i << " " << trips;
    }
  }
  // 17 states of 64 doubles and a little more: known before the first run, whatever n is.
  EXPECT_LT(program.session()->memory().arenaBytes, 16 * 1024);
}

TEST_P(While, ForLoopAndMap) {
  Graph g;
  Tensor n = g.input("n", i32, {}), xs = g.input("xs", f64, {3});
  // x^(0 + 1 + ... + n-1), and its slope.
  auto power = [n](Tensor x) {
    Tensor one = x / x;
    return forLoop(0, n, {one}, [x](Tensor i, const TensorList &c) {
      return TensorList{
          forLoop(0, i, c, [x](Tensor, const TensorList &d) { return TensorList{d[0] * x}; })};
    })[0];
  };
  g.output("y", map(Function(power), {xs})[0]);
  g.output("dy", grad([power](Tensor x) { return sum(map(Function(power), {x})[0]); })(xs)[0]);
  Program program = compile(g);
  std::vector<double> at{0.5, 1, 1.2};
  for (int count : {0, 1, 2, 4}) {
    Fetched out =
        program.run({{"n", Array::scalar<int32_t>(count)}, {"xs", Array::from<double>({3}, at)}});
    int exponent = count * (count - 1) / 2;
    for (int i = 0; i < 3; ++i) {
      EXPECT_NEAR(out["y"].data<double>()[i], std::pow(at[i], exponent), 1e-13);
      EXPECT_NEAR(out["dy"].data<double>()[i], exponent * std::pow(at[i], exponent - 1), 1e-12);
    }
  }
}

TEST_P(While, SwitchCaseRunsTheBranchOfItsIndex) {
  Graph g;
  Tensor i = g.input("i", i32, {}), x = g.input("x", f64, {});
  auto f = [i](Tensor x) -> Tensor {
    return switchCase(i, {Function([x] { return 2 * x; }), Function([x] { return x * x; }),
                          Function([x] { return exp(x); })});
  };
  g.output("y", f(x));
  g.output("dy", grad(f)(x)[0]);
  Program program = compile(g);
  double at = 1.5, y[] = {3, 2.25, std::exp(1.5)}, dy[] = {2, 3, std::exp(1.5)};
  for (int index : {-4, 0, 1, 2, 9}) {
    Fetched out =
        program.run({{"i", Array::scalar<int32_t>(index)}, {"x", Array::scalar<double>(at)}});
    int taken = std::clamp(index, 0, 2);
    EXPECT_NEAR(out.scalar("y"), y[taken], 1e-14);
    EXPECT_NEAR(out.scalar("dy"), dy[taken], 1e-14);
  }
}

std::string errorOf(const std::function<void()> &build) {
  try {
    build();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

TEST(WhileErrors, NameWhatDoesNotFit) {
  Graph g;
  Tensor x = g.input("x", f32, {2});
  auto same = [](Tensor c) { return c; };
  EXPECT_NE(errorOf([&] {
              whileLoop(x, [](Tensor c) { return c < 1; }, same);
            }).find("whileLoop: the condition is i1[2], but must be i1[]"),
            std::string::npos);
  EXPECT_NE(errorOf([&] {
              whileLoop(x, [](Tensor c) { return sum(c) < 1; }, [](Tensor c) { return sum(c); });
            }).find("whileLoop: carry 0 starts as f32[2], but the body gives f32[]"),
            std::string::npos);
  EXPECT_NE(errorOf([&] {
              whileLoop(x, [](Tensor c) { return sum(c) < 1; }, same, {.snapshots = 0});
            }).find("whileLoop: snapshots is 0, but must be at least 1"),
            std::string::npos);
}

} // namespace
} // namespace weir
