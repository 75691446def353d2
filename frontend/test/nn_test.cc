// Layers, losses, optimizers and schedules: shapes, values against plain C++, and training that
// learns. features: F8 F1
#include "frontend/data/philox.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/mlp.h"
#include "frontend/weir.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

MATCHER_P(NearPair, tolerance, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= tolerance;
}

Fetched interpret(Graph graph, const std::map<std::string, Tensor> &outputs) {
  for (const auto &[name, tensor] : outputs) graph.output(name, tensor);
  return graph.compile({.interpret = true}).run();
}

Tensor row(Graph &g, const std::vector<double> &values, Shape shape) {
  return g.constant(Array::from<double>(std::move(shape), values));
}

TEST(Functional, GeluForms) {
  Graph g;
  Tensor x = row(g, {-2, -0.5, 0, 1, 3}, {5});
  Fetched out = interpret(g, {{"tanh", nn::gelu(x)}, {"erf", nn::gelu(x, nn::GeluForm::Erf)}});
  for (int i = 0; i < 5; ++i) {
    double v = std::vector<double>{-2, -0.5, 0, 1, 3}[static_cast<size_t>(i)];
    double t = 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    EXPECT_NEAR(out["tanh"].at(i), t, 1e-12);
    EXPECT_NEAR(out["erf"].at(i), 0.5 * v * (1 + std::erf(v / std::sqrt(2))), 1e-12);
  }
}

TEST(Functional, SoftmaxIsStable) {
  Graph g;
  Tensor x = row(g, {1000, 1001, 1002, -5, 0, 5}, {2, 3});
  Fetched out =
      interpret(g, {{"p", nn::softmax(x)}, {"l", nn::logSoftmax(x)}, {"s", logsumexp(x)}});
  const double z = 1 + std::exp(-1) + std::exp(-2);
  EXPECT_NEAR(out["p"].at(2), 1 / z, 1e-12);
  EXPECT_NEAR(out["p"].at(0), std::exp(-2) / z, 1e-12);
  EXPECT_NEAR(out["l"].at(1), -1 - std::log(z), 1e-12);
  EXPECT_NEAR(out["s"].at(0), 1002 + std::log(z), 1e-9);
}

TEST(Functional, LayerNormHasMeanZeroAndVarianceOne) {
  Graph g;
  Tensor x = row(g, {1, 2, 3, 4, 10, 20, 30, 50}, {2, 4});
  Tensor y = nn::layerNorm(x, row(g, {1, 1, 1, 1}, {4}), row(g, {0, 0, 0, 0}, {4}), 1e-12);
  Fetched out = interpret(g, {{"mean", mean(y, -1)}, {"variance", variance(y, -1)}});
  EXPECT_THAT(out["mean"].toDoubles(), ElementsAre(DoubleNear(0, 1e-12), DoubleNear(0, 1e-12)));
  EXPECT_THAT(out["variance"].toDoubles(), ElementsAre(DoubleNear(1, 1e-9), DoubleNear(1, 1e-9)));
}

TEST(Functional, CrossEntropyPicksTheLabel) {
  Graph g;
  Tensor x = row(g, {1, 2, 3, 3, 2, 1}, {2, 3});
  Tensor y = g.constant(Array::from<int32_t>({2}, {2, 1}));
  Fetched out = interpret(g, {{"each", nn::crossEntropyEach(x, y)},
                              {"loss", nn::crossEntropy(x, y)},
                              {"accuracy", nn::accuracy(x, y)},
                              {"mse", nn::meanSquaredError(x, zerosLike(x))}});
  const double z = std::log(std::exp(1) + std::exp(2) + std::exp(3));
  EXPECT_NEAR(out["each"].at(0), z - 3, 1e-12);
  EXPECT_NEAR(out["each"].at(1), z - 2, 1e-12);
  EXPECT_NEAR(out.scalar("loss"), z - 2.5, 1e-12);
  EXPECT_EQ(out.scalar("accuracy"), 0.5);
  EXPECT_NEAR(out.scalar("mse"), 28.0 / 6, 1e-12);
}

TEST(Functional, CausalAttentionDoesNotSeeTheFuture) {
  Graph g;
  Tensor q = row(g, {1, 0, 0, 1, 1, 1}, {1, 1, 3, 2});
  Tensor v = g.input("v", f64, {1, 1, 3, 2});
  g.output("out", nn::attention(q, q, v));
  Program program = g.compile({.interpret = true});
  auto run = [&](std::vector<double> values) {
    return program.run({{"v", Array::from<double>({1, 1, 3, 2}, values)}})["out"].toDoubles();
  };
  auto a = run({1, 2, 3, 4, 5, 6}), b = run({1, 2, 3, 4, -50, 60});
  EXPECT_THAT(std::vector<double>(a.begin(), a.begin() + 2), ElementsAre(1, 2));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(a[i], b[i]);
  EXPECT_NE(a[4], b[4]);
}

TEST(Functional, DropoutKeepsTheMeanAndTheShare) {
  Graph g;
  Tensor key = g.constant(Array::from<int32_t>({2}, {1, 2}));
  Tensor y = nn::dropout(g.full({4000}, 1), 0.25, key);
  Fetched out = interpret(g, {{"mean", mean(y)}, {"zeros", mean(convert(y == 0, f32))}});
  EXPECT_NEAR(out.scalar("mean"), 1, 0.05);
  EXPECT_NEAR(out.scalar("zeros"), 0.25, 0.03);
}

TEST(Layers, ShapesAndNames) {
  Graph g;
  nn::Linear linear(g, "fc", 8, 4);
  EXPECT_EQ(linear(g.input("a", f32, {2, 3, 8})).shape(), (Shape{2, 3, 4}));
  nn::Embedding table(g, "table", 10, 6);
  EXPECT_EQ(table(g.input("i", i32, {2, 5})).shape(), (Shape{2, 5, 6}));
  nn::Attention attention(g, "attention", 8, 2);
  EXPECT_EQ(attention(g.input("b", f32, {2, 5, 8})).shape(), (Shape{2, 5, 8}));
  std::vector<std::string> names;
  for (const Gradient &p : g.trainables()) names.push_back(p.name);
  EXPECT_THAT(names, ElementsAre("fc.weight", "fc.bias", "table.weight", "attention.qkv.weight",
                                 "attention.out.weight"));
}

TEST(Layers, InitialValuesDependOnSeedAndNameOnly) {
  auto weight = [](uint64_t seed, bool other) {
    Graph g(seed);
    if (other) nn::Linear(g, "other", 3, 3);
    nn::Linear layer(g, "layer", 64, 32);
    g.output("w", layer.weight);
    return g.compile({.interpret = true}).variable("layer.weight");
  };
  EXPECT_EQ(weight(1, false), weight(1, true));
  EXPECT_FALSE(weight(1, false) == weight(2, false));
  double limit = std::sqrt(6.0 / 96), largest = 0;
  for (double v : weight(1, false).toDoubles()) largest = std::max(largest, std::abs(v));
  EXPECT_LE(largest, limit);
  EXPECT_GT(largest, 0.98 * limit);
}

TEST(Layers, HostAndGraphDrawTheSameNormals) {
  data::Philox host(0x0000000900000007);
  Graph g;
  Tensor key = g.constant(Array::from<int32_t>({2}, {7, 9}));
  // In f64 the graph's 53-bit uniforms are the host's.
  Fetched out = interpret(g, {{"n", normal(key, {6}, f64)}});
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(out["n"].at(i), host.normal(), 1e-12);
}

TEST(Layers, RandomKeysChangeEachRunAndEachCall) {
  Graph g(5);
  nn::RandomKeys keys(g);
  g.output("a", keys.next());
  g.output("b", keys.next());
  Program program = g.compile({.interpret = true});
  Fetched first = program.run(), second = program.run();
  EXPECT_FALSE(first["a"] == first["b"]);
  EXPECT_FALSE(first["a"] == second["a"]);
}

TEST(Schedule, WarmsUpAndFollowsACosine) {
  Graph g;
  Tensor step = g.input("step", f32, {});
  g.output("rate", nn::warmupCosine(1e-3, 100, 2000, 1e-4)(step));
  Program program = g.compile({.interpret = true});
  auto rate = [&](float s) { return program.run({{"step", Array::scalar(s)}}).scalar("rate"); };
  EXPECT_NEAR(rate(0), 1e-5, 1e-9);
  EXPECT_NEAR(rate(99), 1e-3, 1e-9);
  EXPECT_NEAR(rate(100), 1e-3, 1e-9);
  EXPECT_NEAR(rate(1050), 0.5 * (1e-3 + 1e-4), 1e-8);
  EXPECT_NEAR(rate(2000), 1e-4, 1e-9);
  EXPECT_NEAR(rate(5000), 1e-4, 1e-9);
}

TEST(Optimizer, ClippingScalesTheGlobalNorm) {
  Graph g;
  TensorList clipped = nn::clipByGlobalNorm({row(g, {3}, {1}), row(g, {4}, {1})}, 1);
  Fetched out = interpret(g, {{"a", clipped[0]},
                              {"b", clipped[1]},
                              {"zero", nn::clipByGlobalNorm({row(g, {0}, {1})}, 1)[0]}});
  EXPECT_NEAR(out["a"].at(0), 0.6, 1e-12);
  EXPECT_NEAR(out["b"].at(0), 0.8, 1e-12);
  EXPECT_EQ(out["zero"].at(0), 0);
}

/// Values of w (start 1, loss w^2 / 2, so the gradient is w) after `steps` of `optimizer`.
std::vector<double> trajectory(const nn::Optimizer &optimizer, int steps) {
  Graph g;
  Tensor w = g.variable("w", Array::scalar(1.0));
  g.minimize(0.5 * square(w), optimizer);
  Program program = g.compile({.interpret = true});
  std::vector<double> values;
  for (int i = 0; i < steps; ++i) {
    program.run();
    values.push_back(program.variable("w").at(0));
  }
  return values;
}

TEST(Optimizer, SgdAndMomentumFollowTheirFormulas) {
  EXPECT_THAT(trajectory(nn::sgd(0.5), 2), Pointwise(NearPair(1e-7), {0.5, 0.25}));
  EXPECT_THAT(trajectory(nn::momentum(0.1, 0.9), 2),
              Pointwise(NearPair(1e-7), {0.9, 0.9 - 0.1 * (0.9 + 0.9)}));
  double v1 = 1, w1 = 1 - 0.1 * (1 + 0.9 * v1), v2 = 0.9 * v1 + w1, w2 = w1 - 0.1 * (w1 + 0.9 * v2);
  EXPECT_THAT(trajectory(nn::momentum(0.1, 0.9, true), 2), Pointwise(NearPair(1e-7), {w1, w2}));
}

TEST(Optimizer, AdamFollowsItsFormula) {
  double w = 1, m = 0, v = 0;
  std::vector<double> expected;
  for (int t = 1; t <= 3; ++t) {
    m = 0.9 * m + 0.1 * w;
    v = 0.99 * v + 0.01 * w * w;
    w -= 0.1 * (m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.99, t))) + 1e-8));
    expected.push_back(w);
  }
  EXPECT_THAT(trajectory(nn::adam(0.1, {.beta2 = 0.99}), 3), Pointwise(NearPair(1e-6), expected));
}

TEST(Optimizer, LionFollowsItsFormula) {
  double w = 1, m = 0;
  std::vector<double> expected;
  for (int t = 0; t < 6; ++t) { // the fourth step goes past zero
    const double direction = 0.5 * m + 0.5 * w;
    m = 0.9 * m + 0.1 * w;
    w -= 0.3 * (direction > 0 ? 1 : -1);
    expected.push_back(w);
  }
  EXPECT_THAT(trajectory(nn::lion(0.3, {.beta1 = 0.5, .beta2 = 0.9}), 6),
              Pointwise(NearPair(1e-6), expected));
}

TEST(Optimizer, LambStepsAreAShareOfTheWeights) {
  EXPECT_THAT(trajectory(nn::lamb(0.1), 2), Pointwise(NearPair(1e-6), {0.9, 0.81}));
  // Per variable: (3, 4) has norm 5, Adam's first direction is (1, 1) with norm sqrt 2. A variable
  // of zeros takes the direction as it is.
  Graph g;
  Tensor w = g.variable("w", Array::from<double>({2}, {3, 4})),
         zero = g.variable("zero", Array::from<double>({1}, {0}));
  g.minimize(sum(square(w)) - sum(zero), nn::lamb(0.1));
  Program program = g.compile({.interpret = true});
  program.run();
  EXPECT_NEAR(program.variable("w").at(0), 3 - 0.5 / std::sqrt(2), 1e-6);
  EXPECT_NEAR(program.variable("w").at(1), 4 - 0.5 / std::sqrt(2), 1e-6);
  EXPECT_NEAR(program.variable("zero").at(0), 0.1, 1e-6);
}

TEST(Optimizer, AdamWDecaysMatricesOnly) {
  Graph g;
  Tensor matrix = g.variable("matrix", Array::full<float>({1, 1}, 2)),
         bias = g.variable("bias", Array::full<float>({1}, 2));
  g.minimize(sum(matrix * 0) + sum(bias * 0), nn::adamW(0.1, {.weightDecay = 0.5}));
  Program program = g.compile({.interpret = true});
  program.run();
  EXPECT_NEAR(program.variable("matrix").at(0), 2 - 0.1 * 0.5 * 2, 1e-6);
  EXPECT_EQ(program.variable("bias").at(0), 2);
}

TEST(Optimizer, TwoMinimizeTwoLossesOverTheirOwnVariables) {
  Graph g;
  Tensor a = g.variable("a", Array::scalar(1.0)), b = g.variable("b", Array::scalar(1.0));
  g.minimize(square(a * b), nn::sgd(0.25), {a});
  g.minimize(square(a - b - 1), nn::sgd(0.25), {b});
  EXPECT_THROW(g.minimize(a * b, nn::sgd(1), {a * b}), Error);
  Program program = g.compile({.interpret = true});
  program.run();
  EXPECT_NEAR(program.variable("a").at(0), 0.5, 1e-7);
  EXPECT_NEAR(program.variable("b").at(0), 0.5, 1e-7);
}

TEST(Models, MlpLearnsXor) {
  models::MlpClassifier model{{2, 16, 2}, 4};
  Program step = models::mlpTraining(model, nn::adam(0.05), 1).compile({.interpret = true});
  Array x = Array::from<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1});
  Array y = Array::from<int32_t>({4}, {0, 1, 1, 0});
  for (int i = 0; i < 60; ++i) step.run({{"x", x}, {"y", y}});
  Program evaluation = models::mlpEvaluation(model).compile({.interpret = true});
  evaluation.copyVariables(step);
  Fetched out = evaluation.run({{"x", x}, {"y", y}});
  EXPECT_EQ(out.scalar("accuracy"), 1);
  EXPECT_LT(out.scalar("loss"), 0.1);
}

TEST(Models, CharGptBuildsAndItsLossFalls) {
  models::CharGptOptions model{
      .vocabulary = 7, .layers = 2, .heads = 2, .features = 8, .context = 6};
  models::CharGptTraining training{.batch = 2, .steps = 30, .warmup = 2, .peakRate = 1e-2};
  Program step = models::charGptTraining(model, training, 1).compile({.interpret = true});
  Array tokens = Array::from<int32_t>({2, 6}, {0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0});
  Array targets = Array::from<int32_t>({2, 6}, {1, 2, 3, 4, 5, 6, 4, 3, 2, 1, 0, 6});
  double first = step.run({{"tokens", tokens}, {"targets", targets}}).scalar("loss"), last = first;
  EXPECT_NEAR(first, std::log(7), 0.3);
  for (int i = 0; i < 20; ++i)
    last = step.run({{"tokens", tokens}, {"targets", targets}}).scalar("loss");
  EXPECT_LT(last, 0.7 * first);

  Program evaluation =
      models::charGptEvaluation(model, 2).compile({.interpret = true, .shareVariables = &step});
  Array losses = evaluation.run({{"tokens", tokens}, {"targets", targets}})["losses"];
  EXPECT_LT(0.5 * (losses.at(0) + losses.at(1)), last + 0.05);
  Program sampling =
      models::charGptSampling(model).compile({.interpret = true, .shareVariables = &step});
  Array one = Array::from<int32_t>({1, 6}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(
      sampling.run({{"tokens", one}, {"position", Array::scalar<int32_t>(2)}})["logits"].dims(),
      (Shape{7}));
}

TEST(Models, CharGptWithACacheSaysWhatTheWholeWindowSays) { // features: L2
  models::CharGptOptions model{
      .vocabulary = 7, .layers = 2, .heads = 2, .features = 8, .context = 6};
  Program trained = models::charGptTraining(model, {.batch = 1}, 3).compile({.interpret = true});
  Program window =
      models::charGptSampling(model).compile({.interpret = true, .shareVariables = &trained});
  const std::vector<int32_t> text{0, 3, 6, 2, 5, 1, 4, 0};
  auto expect = [&](const Array &got, std::vector<int32_t> seen) {
    const auto last = static_cast<int32_t>(seen.size() - 1);
    seen.resize(6, 0);
    const Array want = window.run({{"tokens", Array::from<int32_t>({1, 6}, seen)},
                                   {"position", Array::scalar(last)}})["logits"];
    ASSERT_EQ(got.dims(), want.dims());
    for (int64_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got.at(i), want.at(i), 1e-5);
  };
  models::TextDecoder next(models::charGptDecoder(model, trained, {.interpret = true}));
  auto first = [&](ptrdiff_t from, ptrdiff_t to) {
    return std::vector<int32_t>(text.begin() + from, text.begin() + to);
  };
  for (ptrdiff_t count : {3, 4, 5, 6}) expect(next(first(0, count)), first(0, count));
  // The seventh token does not fit: the last half context is taken up again.
  for (ptrdiff_t count : {7, 8}) expect(next(first(0, count)), first(4, count));
}

} // namespace
} // namespace weir
