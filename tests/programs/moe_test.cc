// A mixture of experts against the dense computation (every expert on every token), and against
// plain loops where experts are full.  features: F8 L3
#include "tests/programs/eager.h"

#include <cmath>
#include <gmock/gmock.h>

namespace weir::testing {
namespace {

using ::testing::HasSubstr;

constexpr int64_t tokens = 24, features = 4, hidden = 6;
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Every expert on every token, times its weight, which is 0 for those not chosen.
Tensor dense(const nn::Moe &moe, const Tensor &x) {
  Graph g = x.graph();
  const int64_t experts = moe.experts(), k = moe.options.topK;
  Tensor p = nn::softmax(matmul(x, moe.router));
  auto [weights, choices] = topK(p, k);
  if (k > 1) weights = weights / sum(weights, -1, true);
  Tensor y = zerosLike(x);
  for (int64_t e = 0; e < experts; ++e) {
    auto part = [&](const Tensor &t) {
      Shape shape(t.shape().begin() + 1, t.shape().end());
      return reshape(sliceDim(t, 0, e, e + 1), shape);
    };
    Tensor h = nn::activate(moe.options.activation, matmul(x, part(moe.up)) + part(moe.upBias));
    Tensor weight = sum(select(choices == e, weights, 0), -1, true);
    y = y + weight * (matmul(h, part(moe.down)) + part(moe.downBias));
  }
  return y;
}

nn::MoeOptions optionsOf(int64_t topK, double capacityFactor) {
  return {
      .topK = topK, .capacityFactor = capacityFactor, .routerWeight = nn::normal(1), .dtype = f64};
}

TEST(Moe, EqualsDenseComputationAtInfiniteCapacity) {
  for (int64_t experts : {2, 8})
    for (int64_t k : {1, 2}) {
      Graph g(7);
      Tensor x = g.input("x", f64, {2, tokens / 2, features});
      nn::Moe moe(g, "moe", features, hidden, experts, optionsOf(k, infinite));
      // Biases that are not zero.
      moe.upBias = moe.upBias + 0.3;
      moe.downBias = moe.downBias - 0.2;
      nn::Moe::Result routed = moe(x);
      Tensor plain = reshape(dense(moe, reshape(x, {tokens, features})), x.shape());
      TensorList wrt{x};
      for (const Gradient &p : g.trainables()) wrt.push_back(p.variable);
      ASSERT_EQ(wrt.size(), 6u);
      auto loss = [&](const Tensor &y) { return sum(sin(y) * y); };
      TensorList a = g.gradients(loss(routed.output), wrt), b = g.gradients(loss(plain), wrt);
      g.output("dropped", routed.dropped);
      g.output("value", reduceMax(abs(routed.output - plain)));
      for (size_t i = 0; i < wrt.size(); ++i) {
        g.output("error" + std::to_string(i), reduceMax(abs(a[i] - b[i])));
        g.output("size" + std::to_string(i), reduceMax(abs(b[i])));
      }
      Fetched out = g.compile().run({{"x", randomArray({2, tokens / 2, features}, 1)}});
      EXPECT_EQ(out.scalar("dropped"), 0);
      EXPECT_LT(out.scalar("value"), 1e-12);
      for (size_t i = 0; i < wrt.size(); ++i) {
        const std::string n = std::to_string(i);
        EXPECT_LT(out.scalar("error" + n), 1e-11 * (1 + out.scalar("size" + n))) << i;
        EXPECT_GT(out.scalar("size" + n), 1e-3) << i;
      }
    }
}

/// The router's choices by plain loops: [choice][token] -> expert, largest probability first.
std::vector<std::vector<int64_t>> plainChoices(const Array &x, const Array &router, int64_t k) {
  const int64_t experts = router.dims()[1];
  std::vector<std::vector<int64_t>> chosen(k, std::vector<int64_t>(tokens));
  for (int64_t i = 0; i < tokens; ++i) {
    std::vector<double> logits(experts);
    for (int64_t e = 0; e < experts; ++e)
      for (int64_t d = 0; d < features; ++d)
        logits[e] += x.at(i * features + d) * router.at(d * experts + e);
    for (int64_t j = 0; j < k; ++j) {
      auto best = std::max_element(logits.begin(), logits.end());
      chosen[j][i] = best - logits.begin();
      *best = -infinite;
    }
  }
  return chosen;
}

TEST(Moe, DropsWhatTheFormulaSays) {
  for (int64_t experts : {2, 8})
    for (int64_t k : {1, 2})
      for (double factor : {0.25, 0.5, 1.0, 1.25}) {
        Graph g(11);
        Tensor x = g.input("x", f64, {tokens, features});
        nn::Moe moe(g, "moe", features, hidden, experts, optionsOf(k, factor));
        nn::Moe::Result result = moe(x);
        g.output("assigned", result.assigned);
        g.output("dropped", result.dropped);
        g.output("output", result.output);
        Program program = g.compile();
        const Array data = randomArray({tokens, features}, 3);
        Fetched out = program.run({{"x", data}});

        const auto chosen = plainChoices(data, program.variable("moe.router"), k);
        const int64_t room = moe.capacity(tokens);
        std::vector<int64_t> assigned(experts);
        std::vector<bool> isServed(tokens);
        for (int64_t j = 0; j < k; ++j)
          for (int64_t i = 0; i < tokens; ++i)
            if (assigned[chosen[j][i]]++ < room) isServed[i] = true;
        int64_t dropped = 0;
        for (int64_t e = 0; e < experts; ++e) {
          dropped += std::max<int64_t>(0, assigned[e] - room);
          EXPECT_EQ(out["assigned"].at(e), assigned[e]);
        }
        EXPECT_EQ(out.scalar("dropped"), dropped) << experts << " experts, factor " << factor;
        if (factor <= 0.5) EXPECT_GT(dropped, 0);
        for (int64_t i = 0; i < tokens; ++i) {
          bool isZero = true;
          for (int64_t d = 0; d < features; ++d) isZero &= out["output"].at(i * features + d) == 0;
          EXPECT_EQ(isZero, !isServed[i]) << "token " << i;
        }
      }
}

TEST(Moe, BalanceLossIsOneWhenEvenAndLargerOtherwise) {
  Graph g;
  // Token i is a unit vector; the router sends it to expert i (logits 0 or s), or all to expert 0.
  Tensor x = g.constant(Array::from<double>({2, 2}, {1, 0, 0, 1}));
  nn::Moe moe(g, "moe", 2, 3, 2, optionsOf(1, infinite));
  moe.router = g.constant(Array::from<double>({2, 2}, {2, 0, 0, 2}));
  g.output("even", moe(x).balanceLoss);
  moe.router = g.constant(Array::from<double>({2, 2}, {2, 0, 2, 0}));
  g.output("uneven", moe(x).balanceLoss);
  Fetched out = g.compile().run();
  EXPECT_NEAR(out.scalar("even"), 1, 1e-12);
  EXPECT_NEAR(out.scalar("uneven"), 2 / (1 + std::exp(-2.0)), 1e-12);
}

TEST(Moe, LearnsWithABalanceLoss) {
  Graph g(3);
  Tensor x = g.input("x", f32, {32, features}), y = g.input("y", f32, {32, features});
  nn::Moe moe(g, "moe", features, 16, 4, {.topK = 1});
  nn::Moe::Result result = moe(x);
  Tensor loss = nn::meanSquaredError(result.output, y);
  g.output("loss", loss);
  g.minimize(loss + 0.01 * result.balanceLoss, nn::adam(0.02));
  Program step = g.compile();
  const Array data = randomArray({32, features}, 5).cast(f32);
  Array target(f32, data.dims());
  for (int64_t i = 0; i < data.size(); ++i)
    target.mutableData<float>()[static_cast<size_t>(i)] = static_cast<float>(std::sin(data.at(i)));
  const Feeds feeds{{"x", data}, {"y", target}};
  const double first = step.run(feeds).scalar("loss");
  double last = first;
  for (int i = 0; i < 300; ++i) last = step.run(feeds).scalar("loss");
  EXPECT_LT(last, 0.5 * first);
}

TEST(Moe, SaysWhatIsWrong) {
  Graph g;
  auto message = [](auto f) -> std::string {
    try {
      f();
    } catch (const Error &error) {
      EXPECT_THAT(error.file(), HasSubstr("moe_test.cc"));
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message([&] { nn::Moe(g, "m", 4, 8, 2, {.topK = 3}); }), "m: topK is 3 of 2 experts");
  EXPECT_EQ(message([&] { nn::Moe(g, "m", 4, 8, 2, {.capacityFactor = 0}); }),
            "m: capacityFactor is 0.000000, but must be positive");
  nn::Moe moe(g, "moe", 4, 8, 2);
  EXPECT_EQ(message([&] { moe(g.input("x", f32, {2, 3})); }),
            "moe: the input is f32[2, 3], but its last dim must be 4");
}

} // namespace
} // namespace weir::testing
