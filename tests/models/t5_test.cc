// T5 against plain loops in f64: buckets of relative positions, both stacks, masks; and training.
// features: L4
#include "frontend/models/t5.h"
#include "frontend/weir.h"
#include "tests/models/reference.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace reference;

const models::T5Options kSmall{.vocabulary = 20,
                               .layers = 2,
                               .heads = 2,
                               .features = 12,
                               .headFeatures = 4,
                               .hidden = 10,
                               .buckets = 8,
                               .maxDistance = 6,
                               .dtype = f64};

TEST(T5, RelativeBucketsAreThePapers) {
  // 32 buckets up to distance 128, keys on both sides: 16 each way, 8 of them exact.
  const std::vector<std::pair<int64_t, int64_t>> bothWays = {
      {0, 0},    {-1, 1},   {-7, 7},   {-8, 8},    {-11, 8},   {-12, 9},
      {-16, 10}, {-32, 12}, {-64, 14}, {-127, 15}, {-128, 15}, {-1000, 15},
      {1, 17},   {7, 23},   {8, 24},   {16, 26},   {128, 31}};
  for (auto [distance, bucket] : bothWays)
    EXPECT_EQ(models::relativeBucket(distance, true, 32, 128), bucket) << distance;
  const std::vector<std::pair<int64_t, int64_t>> before = {
      {5, 0}, {0, 0}, {-1, 1}, {-15, 15}, {-16, 16}, {-18, 16}, {-19, 17}, {-32, 21}, {-128, 31}};
  for (auto [distance, bucket] : before)
    EXPECT_EQ(models::relativeBucket(distance, false, 32, 128), bucket) << distance;
}

class Plain {
public:
  explicit Plain(const Program &program) : program(program) {}

  Rows logits(const std::vector<int32_t> &ids, const std::vector<int32_t> &mask,
              const std::vector<int32_t> &targets) {
    auto masked = [&](size_t key) { return mask[key] ? 0 : -1e9; };
    Rows memory = embed(ids);
    const Rows encoderBias =
        value("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
    for (int64_t i = 0; i < kSmall.layers; ++i) {
      const std::string block = "encoder.block." + std::to_string(i) + ".layer.";
      attention(memory, nullptr, block + "0", "SelfAttention",
                [&](size_t head, size_t query, size_t key) {
                  return encoderBias[bucket(query, key, true)][head] + masked(key);
                });
      feedForward(memory, block + "1");
    }
    norm(memory, "encoder.final_layer_norm");
    Rows h = embed(targets);
    const Rows decoderBias =
        value("decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
    for (int64_t i = 0; i < kSmall.layers; ++i) {
      const std::string block = "decoder.block." + std::to_string(i) + ".layer.";
      attention(h, nullptr, block + "0", "SelfAttention",
                [&](size_t head, size_t query, size_t key) {
                  return key <= query ? decoderBias[bucket(query, key, false)][head] : -INFINITY;
                });
      attention(h, &memory, block + "1", "EncDecAttention",
                [&](size_t, size_t, size_t key) { return masked(key); });
      feedForward(h, block + "2");
    }
    norm(h, "decoder.final_layer_norm");
    Rows out;
    for (Row &row : h) {
      for (double &v : row) v /= std::sqrt(static_cast<double>(kSmall.features));
      out.push_back(linear(row, value("shared.weight")));
    }
    return out;
  }

private:
  Rows value(const std::string &name) { return rowsOf(program.variable(name)); }
  static size_t bucket(size_t query, size_t key, bool bothWays) {
    return static_cast<size_t>(
        models::relativeBucket(static_cast<int64_t>(key) - static_cast<int64_t>(query), bothWays,
                               kSmall.buckets, kSmall.maxDistance));
  }
  Rows embed(const std::vector<int32_t> &ids) {
    Rows rows;
    for (int32_t id : ids) rows.push_back(value("shared.weight")[static_cast<size_t>(id)]);
    return rows;
  }
  void norm(Rows &h, const std::string &name) {
    for (Row &row : h) row = rmsNorm(row, value(name + ".weight")[0], 1e-6);
  }
  void attention(Rows &h, const Rows *memory, const std::string &name, const std::string &kind,
                 const std::function<double(size_t, size_t, size_t)> &score) {
    Rows x = h, q, k, v;
    norm(x, name + ".layer_norm");
    auto weight = [&](const char *part) {
      return value(name + "." + kind + "." + part + ".weight");
    };
    for (const Row &row : x) q.push_back(linear(row, weight("q")));
    for (const Row &row : memory ? *memory : x) {
      k.push_back(linear(row, weight("k")));
      v.push_back(linear(row, weight("v")));
    }
    const auto heads = static_cast<size_t>(kSmall.heads);
    const Rows mixed = attend(q, k, v, heads, heads, 1, score);
    for (size_t i = 0; i < h.size(); ++i) h[i] = plus(h[i], linear(mixed[i], weight("o")));
  }
  void feedForward(Rows &h, const std::string &name) {
    Rows x = h;
    norm(x, name + ".layer_norm");
    for (size_t i = 0; i < h.size(); ++i)
      h[i] = plus(h[i],
                  linear(reference::relu(linear(x[i], value(name + ".DenseReluDense.wi.weight"))),
                         value(name + ".DenseReluDense.wo.weight")));
  }

  const Program &program;
};

Array row(const std::vector<int32_t> &values) {
  return Array::from<int32_t>({1, static_cast<int64_t>(values.size())}, values);
}

TEST(T5, LogitsAreThoseOfPlainLoops) {
  Graph graph = models::t5Forward(kSmall, 1, 9, 5);
  Program program = graph.compile();
  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 9, 2, 6, 5}, mask = {1, 1, 1, 1, 1, 1, 1, 0, 0},
                             targets = {0, 7, 2, 19, 11};
  const Array logits = program.run({{"input_ids", row(ids)},
                                    {"attention_mask", row(mask)},
                                    {"decoder_input_ids", row(targets)}})["logits"];
  EXPECT_LT(difference(logits, Plain(program).logits(ids, mask, targets)), 1e-9);
}

TEST(T5, Trains) {
  models::T5Options options = kSmall;
  options.dtype = f32;
  Program step = models::t5Training(options, 1, 6, 4, nn::adamW(1e-2), 1).compile();
  const Feeds feeds{{"input_ids", row({1, 2, 3, 4, 5, 6})},
                    {"attention_mask", row({1, 1, 1, 1, 1, 1})},
                    {"decoder_input_ids", row({0, 9, 8, 7})},
                    {"labels", row({9, 8, 7, 1})}};
  const double first = step.run(feeds).scalar("loss");
  for (int i = 0; i < 200; ++i) step.run(feeds);
  EXPECT_LT(step.run(feeds).scalar("loss"), first / 4);
}

} // namespace
} // namespace weir
