// customJvp and customVjp as a user writes them: compiled like other functions, differentiated by
// their rules. features: A11
#include "frontend/weir.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

Array vector(std::vector<float> values) {
  const auto n = static_cast<int64_t>(values.size());
  return Array::from<float>({n}, std::move(values));
}

std::vector<double> run(Graph &g, const Tensor &y, const Array &x, bool interpret) {
  Graph graph = g;
  graph.output("y", y);
  return graph.compile({.interpret = interpret}).run({{"x", x}})["y"].toDoubles();
}

// The slope of |x| that optimizers like: 1 at 0 as well.
Function leaningAbs() {
  return customJvp(
      Function([](Tensor x) { return abs(x); }, "abs"),
      Function([](Tensor x, Tensor dx) { return TensorList{abs(x), select(x >= 0, dx, -dx)}; },
               "rule"));
}

TEST(CustomJvp, RuleDecidesInBothModes) {
  for (bool interpret : {true, false}) {
    Graph g;
    Tensor x = g.input("x", f32, {3});
    Function f = leaningAbs();
    Tensor forward = jvp(f)(x, g.full({3}, 1))[1];
    EXPECT_EQ(run(g, forward, vector({-2, 0, 2}), interpret), (std::vector<double>{-1, 1, 1}));
  }
  Graph g;
  Tensor x = g.input("x", f32, {3});
  Tensor reverse = grad([](Tensor x) { return sum(leaningAbs()(x)); })(x);
  EXPECT_EQ(run(g, reverse, vector({-2, 0, 2}), false), (std::vector<double>{-1, 1, 1}));
}

TEST(CustomJvp, RuleMayCallTheFunctionItself) {
  Graph g;
  Function e =
      customJvp(Function([](Tensor x) { return exp(x); }, "e"), Function(
                                                                    [&e](Tensor x, Tensor dx) {
                                                                      Tensor y = e(x);
                                                                      return TensorList{y, y * dx};
                                                                    },
                                                                    "rule"));
  Function loss([&e](Tensor x) { return Tensor(e(x)); });
  Tensor x = g.input("x", f32, {});
  Tensor third = grad(grad(grad(loss)))(x);
  EXPECT_NEAR(run(g, third, Array::scalar(0.5f), true)[0], std::exp(0.5), 1e-6);
}

TEST(CustomVjp, BackwardDecides) {
  // The gradient is clipped on its way back.
  Function identity([](Tensor x) { return x; }, "identity");
  Function forward([](Tensor x) { return TensorList{x}; }, "forward");
  Function backward([](Tensor dy) { return min(dy, 1); }, "backward");
  Function clip = customVjp(identity, forward, backward);
  for (bool interpret : {true, false}) {
    Graph g;
    Tensor x = g.input("x", f32, {3});
    Tensor dx = grad([&](Tensor x) { return sum(square(Tensor(clip(x)))); })(x);
    EXPECT_EQ(run(g, dx, vector({-2, 0.25, 2}), interpret), (std::vector<double>{-4, 0.5, 1}));
  }
}

TEST(CustomVjp, TrainsInAScan) {
  // x ← sin(x)·w, three times; the rule is the true one, so the gradient is that of plain ops.
  Function f([](Tensor x, Tensor w) { return sin(x) * w; }, "step");
  Function forward([](Tensor x, Tensor w) { return TensorList{sin(x) * w, x, w}; }, "forward");
  Function backward(
      [](Tensor x, Tensor w, Tensor dy) { return TensorList{dy * w * cos(x), dy * sin(x)}; },
      "backward");
  Function custom = customVjp(f, forward, backward);
  std::vector<double> gradients[2];
  for (bool rule : {false, true}) {
    Graph g;
    Tensor w = g.input("x", f32, {2});
    Function &step = rule ? custom : f;
    Tensor dw = grad([&](Tensor w) {
      return sum(repeat(3, w, [&](Tensor c) { return Tensor(step(c, w)); }));
    })(w);
    gradients[rule] = run(g, dw, vector({0.7f, -1.2f}), false);
  }
  for (int i = 0; i < 2; ++i) EXPECT_NEAR(gradients[0][i], gradients[1][i], 1e-6);
}

TEST(Custom, NumbersAndCallsShareOneRule) {
  Graph g;
  Function f = leaningAbs();
  Tensor x = g.input("x", f32, {3});
  g.output("y", Tensor(f(x)) + Tensor(f(-x)));
  std::string ir = g.toMlir();
  EXPECT_NE(ir.find("weir.custom_jvp @abs rule = @rule("), std::string::npos) << ir;
  const size_t first = ir.find("func.func private @rule");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(ir.find("func.func private @rule", first + 1), std::string::npos) << "built twice";
}

} // namespace
} // namespace weir
