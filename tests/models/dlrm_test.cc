// DLRM against plain loops, and a few steps of training. features: L4
#include "frontend/models/dlrm.h"
#include "frontend/weir.h"
#include "tests/models/reference.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace reference;

const models::DlrmOptions kSmall{
    .dense = 3, .tables = {5, 7, 4}, .bottom = {6}, .top = {5}, .features = 4, .dtype = f64};

Feeds batch() {
  return {{"dense", Array::from<double>({2, 3}, {0.5, -1, 2, 1, 0.25, -0.75})},
          {"categories", Array::from<int32_t>({2, 3}, {4, 0, 2, 1, 6, 3})}};
}

TEST(Dlrm, LogitsAreThoseOfPlainLoops) {
  Program program = models::dlrmForward(kSmall, 2).compile();
  auto value = [&](const std::string &name) { return rowsOf(program.variable(name)); };
  auto layer = [&](const Row &x, const std::string &name) {
    return plus(linear(x, value(name + ".weight")), value(name + ".bias")[0]);
  };
  Rows expected;
  const Rows dense = rowsOf(batch().at("dense"));
  for (size_t row = 0; row < 2; ++row) {
    const Row x = reference::relu(layer(reference::relu(layer(dense[row], "bot_l.0")), "bot_l.2"));
    Rows vectors = {x};
    for (size_t table = 0; table < 3; ++table)
      vectors.push_back(value("emb_l." + std::to_string(table) + ".weight")[static_cast<size_t>(
          batch().at("categories").at(static_cast<int64_t>(row * 3 + table)))]);
    Row h = x;
    for (size_t i = 0; i < vectors.size(); ++i)
      for (size_t j = 0; j < i; ++j) h.push_back(reference::dot(vectors[i], vectors[j]));
    expected.push_back(layer(reference::relu(layer(h, "top_l.0")), "top_l.2"));
  }
  Fetched out = program.run(batch());
  EXPECT_LT(difference(out["logits"], expected), 1e-12);
  EXPECT_NEAR(out["probability"].at(0), 1 / (1 + std::exp(-expected[0][0])), 1e-12);
}

TEST(Dlrm, Trains) {
  Program step = models::dlrmTraining(kSmall, 2, nn::adam(0.02), 1).compile();
  Feeds feeds = batch();
  feeds.emplace("y", Array::from<double>({2}, {1, 0}));
  const double first = step.run(feeds).scalar("loss");
  for (int i = 0; i < 200; ++i) step.run(feeds);
  EXPECT_LT(step.run(feeds).scalar("loss"), first / 4);
}

TEST(Dlrm, CategoriesMustFitTheTables) {
  Graph graph;
  Tensor dense = graph.input("dense", f64, {2, 3}), two = graph.input("two", i32, {2, 2});
  models::Dlrm net(graph, kSmall);
  EXPECT_THROW(net(dense, two), Error);
}

} // namespace
} // namespace weir
