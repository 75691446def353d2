// Gradients of a whole GPT, compiled, in f64, for every element of every parameter, against central differences.
// features: A1 A4
#include "frontend/models/char_gpt.h"
#include "frontend/weir.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace weir;

namespace {

constexpr int64_t kBatch = 2;

models::CharGptOptions tinyGpt() {
  return {.vocabulary = 7, .layers = 2, .heads = 2, .features = 8, .context = 5, .dtype = f64};
}

Array tokens(const models::CharGptOptions &model, int32_t salt) {
  std::vector<int32_t> values;
  for (int32_t i = 0; i < kBatch * model.context; ++i)
    values.push_back((i * i + 3 * i + salt) % static_cast<int32_t>(model.vocabulary));
  return Array::from<int32_t>({kBatch, model.context}, values);
}

/// Output "loss", and with `gradients` one output a parameter, named after it.
Program build(const models::CharGptOptions &options, bool gradients) {
  Graph g(3);
  Tensor x = g.input("tokens", i32, {kBatch, options.context});
  Tensor y = g.input("targets", i32, {kBatch, options.context});
  models::CharGpt model(g, options);
  Tensor loss = model.loss(x, y);
  g.output("loss", loss);
  if (gradients) {
    TensorList wrt;
    for (const Gradient &parameter : g.trainables()) wrt.push_back(parameter.variable);
    TensorList all = g.gradients(loss, wrt);
    for (size_t i = 0; i < wrt.size(); ++i) g.output(g.trainables()[i].name, all[i]);
  }
  return g.compile();
}

} // namespace

TEST(GptGradient, EveryElementEqualsCentralDifferences) {
  models::CharGptOptions options = tinyGpt();
  Feeds feeds{{"tokens", tokens(options, 1)}, {"targets", tokens(options, 4)}};
  Program reverse = build(options, true), forward = build(options, false);
  forward.copyVariables(reverse);
  Fetched exact = reverse.run(feeds);
  ASSERT_NEAR(exact.scalar("loss"), std::log(7.0), 0.5);
  int64_t checked = 0;
  for (const Program::Port &parameter : forward.variables()) {
    Array original = forward.variable(parameter.name);
    std::vector<double> gradient = exact[parameter.name].toDoubles();
    double largest = 0, error = 0;
    for (int64_t i = 0; i < original.size(); ++i) {
      // Fourth-order central differences: f64 noise and truncation both stay below 1e-9.
      constexpr double h = 1e-3;
      auto at = [&](double step) {
        Array moved = original;
        moved.mutableData<double>()[i] += step;
        forward.setVariable(parameter.name, moved);
        return forward.run(feeds).scalar("loss");
      };
      double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      largest = std::max(largest, std::abs(gradient[i]));
      error = std::max(error, std::abs(difference - gradient[i]));
      ++checked;
    }
    forward.setVariable(parameter.name, original);
    EXPECT_LE(error, 1e-6 * largest + 1e-10) << parameter.name;
  }
  EXPECT_GT(checked, 1500);
}
