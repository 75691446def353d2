// Derivatives of whole programs, from the C++ interface to numbers: known values to 1e-12, and
// central differences. Each runs on the interpreter and as machine code. features: F2 A2 A4 A7
#include "frontend/data/philox.h"
#include "frontend/models/char_gpt.h"
#include "frontend/weir.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

class Derivatives : public ::testing::TestWithParam<bool> {
protected:
  Program compile(const Graph &graph) { return graph.compile({.interpret = GetParam()}); }
};

INSTANTIATE_TEST_SUITE_P(Backends, Derivatives, ::testing::Values(true, false),
                         [](auto info) { return info.param ? "Interpreter" : "Compiled"; });

Tensor known(Tensor x1, Tensor x2) {
  return log(x1) + x1 * x2 - sin(x2);
}

TEST_P(Derivatives, KnownFunctionItsGradientAndItsHessian) {
  Graph g;
  Function f(known, "f");
  Tensor x1 = g.scalar(2, f64), x2 = g.scalar(5, f64), one = g.scalar(1, f64),
         zero = g.scalar(0, f64);
  Results first = valueAndGrad(f, {0, 1})(x1, x2);
  // Rows of the Hessian: forward over reverse.
  Results row1 = jvp(grad(f, {0, 1}))(x1, x2, one, zero),
          row2 = jvp(grad(f, {0, 1}))(x1, x2, zero, one);
  TensorList all{first[0], first[1], first[2], row1[2], row1[3], row2[2], row2[3]};
  std::vector<std::string> names{"f", "d1", "d2", "h11", "h12", "h21", "h22"};
  for (size_t i = 0; i < all.size(); ++i) g.output(names[i], all[i]);
  Fetched out = compile(g).run();
  EXPECT_NEAR(out.scalar("f"), 11.652071455223084, 1e-12);
  EXPECT_NEAR(out.scalar("d1"), 5.5, 1e-12);
  EXPECT_NEAR(out.scalar("d2"), 1.7163378145367738, 1e-12);
  EXPECT_NEAR(out.scalar("h11"), -0.25, 1e-12);
  EXPECT_NEAR(out.scalar("h12"), 1, 1e-12);
  EXPECT_NEAR(out.scalar("h21"), 1, 1e-12);
  EXPECT_NEAR(out.scalar("h22"), std::sin(5.0), 1e-12);
}

TEST_P(Derivatives, FanOutAccumulates) {
  Graph g;
  auto f = [](Tensor x) { return square((x + 1) - 2 * x); };
  g.output("d", grad(f)(g.scalar(3, f64)));
  EXPECT_EQ(compile(g).run().scalar("d"), 4);
}

TEST_P(Derivatives, FourthDerivativeOfSine) {
  Graph g;
  Function f([](Tensor x) { return sin(x); }, "sine");
  g.output("d", grad(grad(grad(grad(f))))(g.scalar(0.7, f64)));
  EXPECT_NEAR(compile(g).run().scalar("d"), std::sin(0.7), 1e-12);
}

TEST_P(Derivatives, ThroughScanAndCond) {
  Graph g;
  // The logistic map x -> r x (1 - x), ten times; the derivative by r from the recurrence.
  auto f = [](Tensor r) {
    Tensor start = r * 0 + 0.3;
    return repeat(10, start, [&](Tensor x) { return r * x * (1 - x); });
  };
  auto branch = [](Tensor x) {
    return Tensor(cond(x > 1, [&] { return x * x; }, [&] { return exp(x); }));
  };
  g.output("loop", grad(f)(g.scalar(3.2, f64)));
  g.output("then", grad(branch)(g.scalar(1.5, f64)));
  g.output("else", grad(branch)(g.scalar(0.5, f64)));
  double x = 0.3, d = 0;
  for (int i = 0; i < 10; ++i) {
    d = x * (1 - x) + 3.2 * (1 - 2 * x) * d;
    x = 3.2 * x * (1 - x);
  }
  Fetched out = compile(g).run();
  EXPECT_NEAR(out.scalar("loop"), d, 1e-11);
  EXPECT_NEAR(out.scalar("then"), 3, 1e-12);
  EXPECT_NEAR(out.scalar("else"), std::exp(0.5), 1e-12);
}

/// Moves every variable away from special values such as zero and one.
void perturb(Program &program, double scale) {
  data::Philox random(11);
  for (const Program::Port &port : program.variables()) {
    Array value = program.variable(port.name);
    for (double &v : value.mutableData<double>()) v += scale * random.normal();
    program.setVariable(port.name, value);
  }
}

/// Largest difference between the fetched "d:NAME" of each variable and central differences of
/// "loss", relative to the largest element of that gradient.
double worstDifference(Program &program, const Feeds &feeds) {
  Fetched exact = program.run(feeds);
  double worst = 0;
  for (const Program::Port &port : program.variables()) {
    const Array start = program.variable(port.name);
    const Array &gradient = exact["d:" + port.name];
    double scale = 0, difference = 0;
    for (int64_t i = 0; i < start.size(); ++i) {
      auto loss = [&](double offset) {
        Array moved = start;
        moved.mutableData<double>()[static_cast<size_t>(i)] += offset;
        program.setVariable(port.name, moved);
        return program.run(feeds, {"loss"}).scalar("loss");
      };
      const double h = 1e-3;
      double numeric = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h);
      scale = std::max(scale, std::abs(gradient.at(i)));
      difference = std::max(difference, std::abs(numeric - gradient.at(i)));
    }
    program.setVariable(port.name, start);
    worst = std::max(worst, difference / std::max(scale, 1e-3));
  }
  return worst;
}

void outputGradients(Graph &g, const Tensor &loss) {
  g.output("loss", loss);
  TensorList wrt;
  for (const Gradient &parameter : g.trainables()) wrt.push_back(parameter.variable);
  TensorList gradients = g.gradients(loss, wrt);
  for (size_t i = 0; i < wrt.size(); ++i) g.output("d:" + g.trainables()[i].name, gradients[i]);
}

TEST_P(Derivatives, TinyGptAgreesWithCentralDifferences) {
  Graph g(3);
  models::CharGpt gpt(
      g, {.vocabulary = 5, .layers = 2, .heads = 2, .features = 4, .context = 3, .dtype = f64});
  Tensor tokens = g.input("tokens", i32, {2, 3}), targets = g.input("targets", i32, {2, 3});
  outputGradients(g, gpt.loss(tokens, targets));
  Program program = compile(g);
  perturb(program, 0.3);
  Feeds feeds{{"tokens", Array::from<int32_t>({2, 3}, {0, 1, 4, 2, 2, 3})},
              {"targets", Array::from<int32_t>({2, 3}, {1, 4, 0, 2, 3, 1})}};
  EXPECT_LE(worstDifference(program, feeds), 1e-6);
}

TEST_P(Derivatives, SecondOrderOfAnMlpAgreesWithCentralDifferences) {
  Graph g(4);
  nn::Mlp net(g, "net", {3, 5, 2}, {.activation = nn::Activation::Tanh, .dtype = f64});
  Tensor x = g.input("x", f64, {4, 3}), y = g.input("y", i32, {4});
  Tensor loss = nn::crossEntropy(net(x), y);
  // The "loss" differentiated here is the squared norm of the first gradient.
  TensorList wrt;
  for (const Gradient &parameter : g.trainables()) wrt.push_back(parameter.variable);
  Tensor norm = g.scalar(0, f64);
  for (const Tensor &d : g.gradients(loss, wrt)) norm = norm + sum(square(d));
  outputGradients(g, norm);
  Program program = compile(g);
  perturb(program, 0.3);
  data::Philox random(5);
  Array xs(f64, {4, 3});
  for (double &v : xs.mutableData<double>()) v = random.normal();
  Feeds feeds{{"x", xs}, {"y", Array::from<int32_t>({4}, {0, 1, 1, 0})}};
  EXPECT_LE(worstDifference(program, feeds), 1e-6);
}

} // namespace
} // namespace weir
