// LeNet learns MNIST's handwritten digits, from files to accuracy; skipped where the data is not.
// features: F8 L4
#include "frontend/data/loader.h"
#include "frontend/models/lenet.h"
#include "frontend/weir.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <numeric>

namespace weir {
namespace {

TEST(LeNet, HasThePapersParameters) {
  Graph g;
  models::LeNet net(g, {});
  int64_t count = 0;
  for (const Gradient &parameter : g.trainables()) count += parameter.variable.size();
  EXPECT_EQ(count, 61'706);
}

data::LabelledRows range(const data::LabelledRows &rows, int64_t from, int64_t to) {
  std::vector<int64_t> indices(static_cast<size_t>(to - from));
  std::iota(indices.begin(), indices.end(), from);
  return rows.pick(indices);
}

TEST(LeNet, ReadsHandwrittenDigits) {
  const char *shared = std::getenv("WEIR_SHARED");
  if (!shared) GTEST_SKIP() << "WEIR_SHARED is not set";
  const std::string folder = std::string(shared) + "/data/mnist/";
  data::LabelledRows rows =
      data::readIdx(folder + "images-idx3-ubyte.gz", folder + "labels-idx1-ubyte.gz");
  const int64_t held = rows.rows() - rows.rows() / 5, batch = 64, epochs = 4;
  data::Loader training(range(rows, 0, held), {.batch = batch, .seed = 1});
  data::Loader testing(range(rows, held, rows.rows()),
                       {.batch = batch, .shuffle = false, .last = data::LastBatch::Repeat});

  nn::Schedule rate = nn::warmupCosine(3e-3, 20, epochs * training.batches(), 3e-5);
  Program step = models::lenetTraining({.batch = batch}, nn::adam(rate), 1).compile();
  for (int64_t epoch = 0; epoch < epochs; ++epoch)
    while (auto next = training.next())
      step.run({{"x", next->rows.features}, {"y", next->rows.labels}}, {"loss"});

  Program evaluation = models::lenetEvaluation({.batch = batch}).compile();
  evaluation.copyVariables(step);
  int64_t right = 0, count = 0;
  while (auto next = testing.next()) {
    Array logits = evaluation.run({{"x", next->rows.features}, {"y", next->rows.labels}},
                                  {"logits"})["logits"];
    const auto values = logits.data<float>();
    for (int64_t row = 0; row < next->count; ++row, ++count) {
      const auto first = values.begin() + row * 10;
      right += std::max_element(first, first + 10) - first == next->rows.labels.at(row);
    }
  }
  std::printf("%ld of %ld right\n", static_cast<long>(right), static_cast<long>(count));
  EXPECT_EQ(count, rows.rows() / 5);
  EXPECT_GE(static_cast<double>(right) / static_cast<double>(count), 0.97);
}

} // namespace
} // namespace weir
