// One computation on the tape and in a graph: values and gradients must be equal.
#pragma once

#include "autodiff/oracles/tape.h"
#include "frontend/data/philox.h"
#include "frontend/weir.h"

#include <gtest/gtest.h>

namespace weir::testing {

using Eager = tape::Tensor<double>;
using EagerList = std::vector<Eager>;

inline Array randomArray(const Shape &shape, uint64_t key) {
  data::Philox random(key);
  Array array(f64, shape);
  for (double &v : array.mutableData<double>()) v = random.normal();
  return array;
}

/// Equal to rounding, relative to the largest element.
inline void expectClose(const Array &got, const Eager &expected, const std::string &what) {
  ASSERT_EQ(got.dims(), expected.shape()) << what;
  double scale = 1, worst = 0;
  for (int64_t k = 0; k < expected.size(); ++k) scale = std::max(scale, std::abs(expected.at(k)));
  for (int64_t k = 0; k < expected.size(); ++k)
    worst = std::max(worst, std::abs(got.at(k) - expected.at(k)));
  EXPECT_LE(worst, 1e-12 * scale) << what;
}

/// `captured` (TensorList -> Tensor) in a graph against `eager` (EagerList -> Eager), both of all
/// `inputs`: the results, and the gradients of a weighted sum of theirs.
template <typename Captured, typename OnTape>
void expectSame(Captured captured, OnTape eager, const std::vector<Array> &inputs,
                bool interpret = false) {
  EagerList xs;
  for (const Array &input : inputs) {
    xs.emplace_back(input.dims(), input.toDoubles());
    xs.back().requireGrad();
  }
  Eager value = eager(xs);
  Array weights(f64, value.shape());
  for (int64_t k = 0; k < weights.size(); ++k)
    weights.mutableData<double>()[static_cast<size_t>(k)] = std::cos(1.0 + static_cast<double>(k));
  sum(value * Eager(value.shape(), weights.toDoubles())).backward();

  Graph g;
  TensorList ts;
  Feeds feeds;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = "x" + std::to_string(i);
    ts.push_back(g.input(name, f64, inputs[i].dims()));
    feeds.emplace(name, inputs[i]);
  }
  Tensor y = captured(ts);
  ASSERT_EQ(y.shape(), value.shape());
  g.output("value", y);
  TensorList gradients = g.gradients(sum(y * g.constant(weights)), ts);
  for (size_t i = 0; i < inputs.size(); ++i) g.output("d" + std::to_string(i), gradients[i]);
  Fetched out = g.compile({.interpret = interpret}).run(feeds);
  expectClose(out["value"], value, "value");
  for (size_t i = 0; i < inputs.size(); ++i)
    expectClose(out["d" + std::to_string(i)], xs[i].grad(), "gradient " + std::to_string(i));
}

} // namespace weir::testing
