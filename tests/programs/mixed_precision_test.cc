// Dots in f16 and bf16 with parameters in f32, and dynamic loss scaling.  features: P3
#include "frontend/data/philox.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/mlp.h"
#include "frontend/weir.h"

#include <gmock/gmock.h>

#include <cmath>

namespace weir {
namespace {

using ::testing::HasSubstr;

constexpr models::CharGptOptions kGpt{
    .vocabulary = 13, .layers = 2, .heads = 2, .features = 32, .context = 16};

/// Windows of a sequence that can be learnt: each token follows from the one before it, mostly.
Feeds window(int step, int64_t batch) {
  data::Philox random(static_cast<uint64_t>(step) + 7);
  std::vector<int32_t> tokens, targets;
  for (int64_t b = 0; b < batch; ++b) {
    auto last = static_cast<int32_t>(random.below(13));
    for (int64_t t = 0; t < kGpt.context; ++t) {
      const int32_t next =
          random.below(10) == 0 ? static_cast<int32_t>(random.below(13)) : (3 * last + 1) % 13;
      tokens.push_back(last);
      targets.push_back(next);
      last = next;
    }
  }
  return {{"tokens", Array::from<int32_t>({batch, kGpt.context}, tokens)},
          {"targets", Array::from<int32_t>({batch, kGpt.context}, targets)}};
}

std::vector<double> gptLosses(DType compute, int steps) {
  models::CharGptTraining training{.batch = 8, .steps = steps, .warmup = 5, .peakRate = 5e-3};
  if (compute == f16) training.lossScale.emplace();
  Graph graph = models::charGptTraining(kGpt, training, 3);
  computeIn(graph, compute);
  Program program = graph.compile();
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) losses.push_back(program.run(window(i, 8)).scalar("loss"));
  for (const Program::Port &port : program.variables())
    if (port.trainable) EXPECT_EQ(port.type.dtype, f32) << port.name;
  return losses;
}

TEST(MixedPrecision, LossesOfAGptTrackThoseOfF32) {
  const std::vector<double> full = gptLosses(f32, 120);
  EXPECT_LT(full.back(), 0.7 * full.front());
  for (DType compute : {bf16, f16}) {
    const std::vector<double> mixed = gptLosses(compute, 120);
    EXPECT_NE(mixed[1], full[1]); // it is computed in another type
    double distance = 0;
    for (size_t i = 0; i < full.size(); ++i) distance += std::abs(mixed[i] - full[i]) / full[i];
    std::printf("%s: mean relative distance %.2g, last loss %.4f, f32's %.4f\n",
                std::string(runtime::dtypeName(compute)).c_str(),
                distance / static_cast<double>(full.size()), mixed.back(), full.back());
    EXPECT_LT(distance / static_cast<double>(full.size()), 0.02);
  }
}

TEST(MixedPrecision, DotsAloneAreNarrowForwardAndBackward) {
  Graph graph = models::mlpTraining({.sizes = {8, 16, 4}, .batch = 4}, nn::sgd(0.1), 1);
  computeIn(graph, bf16);
  Program compiled = graph.compile(), interpreted = graph.compile({.interpret = true});
  computeIn(graph, f32);
  Program plain = graph.compile();
  Feeds feeds{{"x", Array::from<float>({4, 8}, std::vector<float>(32, 0.37f))},
              {"y", Array::from<int32_t>({4}, {0, 1, 2, 3})}};
  for (int i = 0; i < 5; ++i) {
    const double got = compiled.run(feeds).scalar("loss"),
                 want = interpreted.run(feeds).scalar("loss"),
                 full = plain.run(feeds).scalar("loss");
    EXPECT_NEAR(got, want, 2e-3 * want);
    EXPECT_NEAR(got, full, 2e-2 * full);
    EXPECT_NE(got, full);
  }
}

/// Updates that a parameter of bf16 would not notice add up in the master weights.
TEST(MixedPrecision, SmallUpdatesAddUp) {
  Graph graph;
  Tensor w = graph.variable("w", Array::from<float>({1, 1}, {1}));
  Tensor y = matmul(graph.full({1, 1}, 1), w);
  graph.minimize(sum(y), nn::sgd(0x1p-12));
  computeIn(graph, bf16);
  Program program = graph.compile();
  for (int i = 0; i < 64; ++i) program.run();
  EXPECT_EQ(program.variable("w").at(0), 1 - 0x1p-6);
}

/// loss = factor * sum(x w), whose gradient in f16 is infinite where factor * scale is large.
struct Scaled {
  Graph graph;
  Program program;

  static Graph build(nn::LossScale scale) {
    Graph graph;
    Tensor factor = graph.input("factor", f32, {});
    Tensor w = graph.variable("w", Array::from<float>({1, 2}, {1, 2}));
    Tensor x = graph.constant(Array::from<float>({2, 1}, {0.5, 0.25}));
    nn::minimize(graph, sum(matmul(w, x)) * factor, nn::adam(0.125).scaled(scale));
    computeIn(graph, f16);
    return graph;
  }
  explicit Scaled(nn::LossScale scale) : graph(build(scale)), program(graph.compile()) {}
  void step(float factor) { program.run({{"factor", Array::scalar<float>(factor)}}); }
  double value(const char *name) const { return program.variable(name).at(0); }
};

TEST(LossScale, AnOverflowSkipsTheStepAndHalvesTheScale) {
  Scaled run({.initial = 1024});
  run.step(1);
  const double w = run.value("w"), m = run.value("w.adam_m");
  EXPECT_NEAR(w, 1 - 0.125, 1e-5);
  EXPECT_NEAR(m, 0.05, 1e-5); // the gradient itself, not the scaled one
  EXPECT_EQ(run.value("optimizer.step"), 1);

  run.step(1000); // 1000 * 1024 is infinite in f16
  EXPECT_EQ(run.value("w"), w);
  EXPECT_EQ(run.value("w.adam_m"), m);
  EXPECT_EQ(run.value("optimizer.step"), 1);
  EXPECT_EQ(run.value("loss_scale"), 512);
  EXPECT_EQ(run.value("loss_scale.steps"), 0);
  EXPECT_EQ(run.value("loss_scale.skipped"), 1);

  run.step(1); // training goes on
  EXPECT_LT(run.value("w"), w);
  EXPECT_EQ(run.value("optimizer.step"), 2);
  EXPECT_EQ(run.value("loss_scale"), 512);
  EXPECT_EQ(run.value("loss_scale.skipped"), 1);
}

TEST(LossScale, FallsUntilGradientsFit) {
  Scaled run({.initial = 65536});
  for (int i = 0; i < 12; ++i) run.step(1000);
  EXPECT_EQ(run.value("loss_scale"), 64); // 1000 * 64 < 65504
  EXPECT_EQ(run.value("loss_scale.skipped"), 10);
}

TEST(LossScale, GrowsAfterStepsThatWereDone) {
  Scaled run({.initial = 8, .interval = 3});
  for (int i = 0; i < 7; ++i) run.step(1);
  EXPECT_EQ(run.value("loss_scale"), 32);
  EXPECT_EQ(run.value("loss_scale.steps"), 1);
}

TEST(LossScale, StaysInItsRange) {
  Scaled run({.initial = 2});
  for (int i = 0; i < 3; ++i) run.step(INFINITY);
  EXPECT_EQ(run.value("loss_scale"), 1);
  EXPECT_EQ(run.value("w"), 1);
}

TEST(LossScale, IsRefusedWhereNobodyScalesTheLoss) {
  Graph graph;
  Tensor w = graph.variable("w", Array::scalar<float>(1));
  try {
    graph.minimize(w * w, nn::sgd(1).scaled());
    FAIL();
  } catch (const Error &error) {
    EXPECT_THAT(error.what(), HasSubstr("nn::minimize(graph, loss, optimizer) scales it"));
  }
}

TEST(UpdateOnlyIf, RefusesWhatIsNoCondition) {
  Graph graph;
  Tensor w = graph.variable("w", Array::scalar<float>(1));
  EXPECT_THROW(updateOnlyIf(graph, w, [&] { graph.assign(w, 2); }), Error);
  EXPECT_THROW(computeIn(graph, f64), Error);
  graph.assign(w, 3); // nothing was assigned before
}

} // namespace
} // namespace weir
