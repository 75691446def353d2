// The mixture-of-experts decoder with room for all tokens against plain loops that run every chosen
// expert, and a few steps of training. features: L3 L4
#include "frontend/data/philox.h"
#include "frontend/models/moe_transformer.h"
#include "frontend/weir.h"
#include "tests/models/reference.h"

#include <gtest/gtest.h>
#include <limits>
#include <numeric>

namespace weir {
namespace {

using namespace reference;

const models::MoeTransformerOptions kSmall{.vocabulary = 20,
                                           .layers = 2,
                                           .heads = 4,
                                           .keyHeads = 2,
                                           .features = 16,
                                           .hidden = 12,
                                           .experts = 4,
                                           .topK = 2,
                                           .capacityFactor =
                                               std::numeric_limits<double>::infinity(),
                                           .rotaryBase = 100,
                                           .dtype = f64};
constexpr size_t kHead = 4; // features of a head

class Plain {
public:
  explicit Plain(const Program &program) : program(program) {}

  Rows logits(const std::vector<int32_t> &tokens) {
    Rows h;
    for (int32_t token : tokens) h.push_back(value("token.weight")[static_cast<size_t>(token)]);
    for (int64_t i = 0; i < kSmall.layers; ++i) layer(h, "layer" + std::to_string(i));
    Rows out;
    for (const Row &row : h)
      out.push_back(linearT(rmsNorm(row, value("norm.scale")[0], 1e-5), value("head.weight")));
    return out;
  }

private:
  Rows value(const std::string &name) { return rowsOf(program.variable(name)); }

  static void turn(Row &x, size_t position) {
    for (size_t head = 0; head < x.size(); head += kHead)
      for (size_t k = 0; k < kHead / 2; ++k) {
        const double angle = static_cast<double>(position) *
                             std::pow(kSmall.rotaryBase, -2.0 * static_cast<double>(k) / kHead);
        double &a = x[head + k], &b = x[head + k + kHead / 2];
        const double before = a;
        a = before * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + before * std::sin(angle);
      }
  }

  void layer(Rows &h, const std::string &name) {
    Rows q, k, v;
    for (size_t i = 0; i < h.size(); ++i) {
      const Row x = rmsNorm(h[i], value(name + ".norm1.scale")[0], 1e-5);
      q.push_back(linearT(x, value(name + ".query.weight")));
      k.push_back(linearT(x, value(name + ".key.weight")));
      v.push_back(linearT(x, value(name + ".value.weight")));
      turn(q.back(), i);
      turn(k.back(), i);
    }
    const Rows mixed = attend(q, k, v, 4, 2, 1 / std::sqrt(double(kHead)),
                              [](size_t, size_t i, size_t j) { return j <= i ? 0 : -INFINITY; });
    for (size_t i = 0; i < h.size(); ++i) {
      h[i] = plus(h[i], linearT(mixed[i], value(name + ".out.weight")));
      h[i] = plus(h[i], experts(rmsNorm(h[i], value(name + ".norm2.scale")[0], 1e-5), name));
    }
  }

  /// Expert e of a weight [experts, rows, columns].
  Rows slice(const std::string &name, size_t e) {
    const Rows all = value(name);
    const size_t rows = all.size() / static_cast<size_t>(kSmall.experts);
    return {all.begin() + static_cast<ptrdiff_t>(e * rows),
            all.begin() + static_cast<ptrdiff_t>((e + 1) * rows)};
  }

  Row experts(const Row &x, const std::string &name) {
    const Row p = reference::softmax(linearT(x, value(name + ".moe.router")));
    std::vector<size_t> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
    const double total = p[order[0]] + p[order[1]];
    Row y(x.size(), 0);
    for (size_t choice : {order[0], order[1]}) {
      Row gate = linearT(x, slice(name + ".moe.gate", choice)),
          up = linearT(x, slice(name + ".moe.up", choice));
      for (size_t i = 0; i < gate.size(); ++i) up[i] *= gate[i] / (1 + std::exp(-gate[i]));
      const Row answer = linearT(up, slice(name + ".moe.down", choice));
      for (size_t i = 0; i < y.size(); ++i) y[i] += p[choice] / total * answer[i];
    }
    return y;
  }

  const Program &program;
};

TEST(MoeTransformer, LogitsAreThoseOfPlainLoops) {
  const std::vector<int32_t> tokens = {3, 14, 15, 9, 2, 6, 5};
  Graph graph = models::moeTransformerForward(kSmall, 1, 7);
  data::Philox random(3); // larger than initial values, so that routers disagree
  for (const Gradient &parameter : graph.trainables()) {
    Array value(f64, parameter.variable.shape());
    for (double &v : value.mutableData<double>()) v = 0.5 * random.normal();
    graph.initialize(parameter.variable, value);
  }
  Program program = graph.compile();
  const Array logits = program.run({{"tokens", Array::from<int32_t>({1, 7}, tokens)}})["logits"];
  EXPECT_LT(difference(logits, Plain(program).logits(tokens)), 1e-9);
}

TEST(MoeTransformer, Trains) {
  models::MoeTransformerOptions options = kSmall;
  options.dtype = f32;
  options.capacityFactor = 1.25;
  Program step = models::moeTransformerTraining(options, 4, 8, nn::adamW(1e-2), 1).compile();
  data::Philox random(4);
  std::vector<int32_t> text;
  for (int i = 0; i < 64; ++i) text.push_back(static_cast<int32_t>(random.below(20)));
  const Feeds feeds{{"tokens", Array::from<int32_t>({4, 8}, {text.begin(), text.begin() + 32})},
                    {"targets", Array::from<int32_t>({4, 8}, {text.begin() + 32, text.end()})}};
  const double first = step.run(feeds).scalar("loss");
  Fetched last = step.run(feeds);
  for (int i = 0; i < 200; ++i) last = step.run(feeds);
  EXPECT_LT(last.scalar("loss"), first / 2);
  EXPECT_GT(last.scalar("balance_loss"), 0.5);
}

} // namespace
} // namespace weir
