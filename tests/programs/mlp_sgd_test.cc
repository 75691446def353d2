// A 2-layer MLP, 64x1000 -> 100 -> 10, 500 steps of SGD: the loss of every step equals a plain C++
// run's to 1e-4. features: F1 G1
#include "frontend/data/philox.h"
#include "frontend/weir.h"

#include "runtime/executor/session.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr int kBatch = 64, kIn = 1000, kHidden = 100, kOut = 10, kSteps = 500;
constexpr double kRate = 0.05;

using Values = std::vector<double>;

/// c[m, n] (+)= a[m, k] b[k, n], with either operand transposed in memory.
void multiply(const Values &a, bool aT, const Values &b, bool bT, Values &c, int m, int k, int n) {
  c.assign(static_cast<size_t>(m * n), 0);
  for (int i = 0; i < m; ++i)
    for (int p = 0; p < k; ++p) {
      const double left =
          aT ? a[static_cast<size_t>(p * m + i)] : a[static_cast<size_t>(i * k + p)];
      if (bT)
        for (int j = 0; j < n; ++j)
          c[static_cast<size_t>(i * n + j)] += left * b[static_cast<size_t>(j * k + p)];
      else
        for (int j = 0; j < n; ++j)
          c[static_cast<size_t>(i * n + j)] += left * b[static_cast<size_t>(p * n + j)];
    }
}

/// The same network by hand, in f64.
struct ByHand {
  Values x, w1, b1, w2, b2;
  std::vector<int> labels;

  double step() {
    Values h, z, dz(kBatch * kOut), dh, dw1, dw2;
    multiply(x, false, w1, false, h, kBatch, kIn, kHidden);
    for (size_t i = 0; i < h.size(); ++i) h[i] = std::max(0.0, h[i] + b1[i % kHidden]);
    multiply(h, false, w2, false, z, kBatch, kHidden, kOut);
    double loss = 0;
    for (size_t r = 0; r < kBatch; ++r) {
      double total = 0;
      for (size_t c = 0; c < kOut; ++c) total += std::exp(z[r * kOut + c] += b2[c]);
      const auto label = static_cast<size_t>(labels[r]);
      loss += (std::log(total) - z[r * kOut + label]) / kBatch;
      for (size_t c = 0; c < kOut; ++c)
        dz[r * kOut + c] = (std::exp(z[r * kOut + c]) / total - (c == label)) / kBatch;
    }
    multiply(h, true, dz, false, dw2, kHidden, kBatch, kOut);
    multiply(dz, false, w2, true, dh, kBatch, kOut, kHidden);
    for (size_t i = 0; i < dh.size(); ++i)
      if (h[i] <= 0) dh[i] = 0;
    multiply(x, true, dh, false, dw1, kIn, kBatch, kHidden);
    for (size_t i = 0; i < w1.size(); ++i) w1[i] -= kRate * dw1[i];
    for (size_t i = 0; i < w2.size(); ++i) w2[i] -= kRate * dw2[i];
    for (size_t i = 0; i < dh.size(); ++i) b1[i % kHidden] -= kRate * dh[i];
    for (size_t i = 0; i < dz.size(); ++i) b2[i % kOut] -= kRate * dz[i];
    return loss;
  }
};

TEST(MlpSgd, EveryLossEqualsAPlainRun) {
  Graph g(1);
  Tensor x = g.input("x", f32, {kBatch, kIn}), y = g.input("y", i32, {kBatch});
  nn::Mlp net(g, "net", {kIn, kHidden, kOut});
  Tensor loss = nn::crossEntropy(net(x), y);
  g.output("loss", loss);
  g.minimize(loss, nn::sgd(kRate));
  Program step = g.compile();
  // Building and compiling ran nothing.
  EXPECT_EQ(step.session()->counters().launches, 0);

  data::Philox random(2);
  Array xs(f32, {kBatch, kIn}), ys(i32, {kBatch});
  for (float &v : xs.mutableData<float>()) v = static_cast<float>(random.normal());
  for (int32_t &v : ys.mutableData<int32_t>()) v = static_cast<int32_t>(random.below(kOut));
  ByHand plain{xs.toDoubles(),
               step.variable("net.0.weight").toDoubles(),
               step.variable("net.0.bias").toDoubles(),
               step.variable("net.1.weight").toDoubles(),
               step.variable("net.1.bias").toDoubles(),
               {}};
  for (int32_t label : ys.data<int32_t>()) plain.labels.push_back(label);
  for (int i = 0; i < kSteps; ++i)
    ASSERT_NEAR(step.run({{"x", xs}, {"y", ys}}).scalar("loss"), plain.step(), 1e-4)
        << "step " << i;
}

} // namespace
} // namespace weir
