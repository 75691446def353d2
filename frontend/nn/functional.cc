#include "frontend/nn/functional.h"

#include "frontend/api/graph.h"
#include "frontend/nn/need.h"

#include <cmath>
#include <numbers>

namespace weir::nn {
namespace {

void checkLabels(const char *name, const Tensor &logits, const Tensor &labels, Location at) {
  const DType dtype = labels.dtype();
  if (dtype != i32 && dtype != i64)
    throw Error(std::string(name) + ": labels are " + labels.type().str() +
                    ", but must be i32 or i64",
                at, {noteOn(labels, "labels")});
  Shape rows = logits.shape();
  if (!rows.empty()) rows.pop_back();
  if (logits.rank() == 0 || labels.shape() != rows)
    throw Error(std::string(name) + ": logits are " + logits.type().str() + ", so labels must be " +
                    TensorType{dtype, rows}.str() + ", not " + labels.type().str(),
                at, {noteOn(logits, "logits"), noteOn(labels, "labels")});
}

} // namespace

Tensor gelu(Arg x, GeluForm form) {
  CallScope scope(x.at);
  const Tensor t = need("gelu", x);
  if (form == GeluForm::Erf) return t * 0.5 * (1.0 + erf(t * std::numbers::sqrt2 * 0.5));
  const double c = std::sqrt(2 / std::numbers::pi);
  return t * 0.5 * (1.0 + tanh(c * (t + 0.044715 * (t * t * t))));
}

Tensor softmax(Arg x, int64_t dim) {
  CallScope scope(x.at);
  const Tensor t = need("softmax", x);
  // The result does not depend on the shift, so neither does its gradient.
  Tensor e = exp(t - stopGradient(reduceMax(t, dim, true)));
  return e / reduceSum(e, dim, true);
}

Tensor logSoftmax(Arg x, int64_t dim) {
  CallScope scope(x.at);
  const Tensor t = need("logSoftmax", x);
  Tensor shifted = t - stopGradient(reduceMax(t, dim, true));
  return shifted - log(reduceSum(exp(shifted), dim, true));
}

Tensor layerNorm(Arg x, Arg scale, Arg shift, double epsilon) {
  CallScope scope(x.at);
  const Tensor t = need("layerNorm", x);
  Tensor centred = t - mean(t, -1, true);
  Tensor normed = centred * rsqrt(mean(square(centred), -1, true) + epsilon);
  return normed * need("layerNorm", scale) + need("layerNorm", shift);
}

Tensor dropout(Arg x, double rate, Arg key) {
  CallScope scope(x.at);
  const Tensor t = need("dropout", x);
  if (rate < 0 || rate >= 1)
    throw Error("dropout: rate is " + std::to_string(rate) + ", but must be in [0, 1)", x.at);
  if (rate == 0) return t;
  Tensor keep = weir::uniform(need("dropout", key), t.shape(), f32) >= rate;
  return select(keep, t * (1 / (1 - rate)), zerosLike(t));
}

Tensor rotary(Arg x, double base, int64_t start) {
  CallScope scope(x.at);
  const Tensor t = need("rotary", x);
  if (t.rank() < 2 || t.dim(-1) % 2)
    throw Error("rotary: the input is " + t.type().str() + ", but must be [..., t, d] with even d",
                x.at, {noteOn(t, "the input")});
  const int64_t steps = t.dim(-2), half = t.dim(-1) / 2;
  Array cosines(f64, {steps, half}), sines(f64, {steps, half});
  for (int64_t i = 0; i < steps; ++i)
    for (int64_t k = 0; k < half; ++k) {
      const auto at = static_cast<size_t>(i * half + k);
      const double angle = static_cast<double>(start + i) *
                           std::pow(base, -static_cast<double>(k) / static_cast<double>(half));
      cosines.mutableData<double>()[at] = std::cos(angle);
      sines.mutableData<double>()[at] = std::sin(angle);
    }
  Tensor c = t.graph().constant(cosines.cast(t.dtype())),
         s = t.graph().constant(sines.cast(t.dtype()));
  std::vector<Tensor> halves = split(t, 2);
  return concatenate({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

/// scale · q·kT.
static Tensor attentionScores(const Tensor &q, const Tensor &k, const Tensor &v, double scale,
                              Location at) {
  if (q.rank() < 2 || k.rank() != q.rank() || v.rank() != q.rank())
    throw Error("attention: query is " + q.type().str() + ", key " + k.type().str() + ", value " +
                    v.type().str() + "; each must be [..., t, d]",
                at, {noteOn(q, "query"), noteOn(k, "key"), noteOn(v, "value")});
  const int64_t rank = q.rank();
  DotDims dims{{}, {}, {rank - 1}, {rank - 1}};
  for (int64_t i = 0; i + 2 < rank; ++i) {
    dims.lhsBatch.push_back(i);
    dims.rhsBatch.push_back(i);
  }
  const Tensor scores = dot(q, k, dims);
  return scale == 1 ? scores : scores * scale;
}

Tensor biasedAttention(Arg query, Arg key, Arg value, Arg bias, double scale) {
  CallScope scope(query.at);
  const Tensor q = need("attention", query), k = need("attention", key),
               v = need("attention", value);
  const Tensor scores = attentionScores(q, k, v, scale, query.at);
  return matmul(softmax(scores + need("attention", bias)), v);
}

Tensor attention(Arg query, Arg key, Arg value, bool causal) {
  CallScope scope(query.at);
  const Tensor q = need("attention", query), k = need("attention", key),
               v = need("attention", value);
  const double scale = 1 / std::sqrt(static_cast<double>(q.rank() ? q.dim(-1) : 1));
  Tensor scores = attentionScores(q, k, v, scale, query.at);
  if (causal) {
    Graph graph = q.graph();
    const Shape square{q.dim(-2), k.dim(-2)};
    // Queries are the last positions: with as many keys as queries, position i sees keys 0..i.
    Tensor row = graph.iota(i32, square, 0) + (square[1] - square[0]);
    const double hidden = scores.dtype() == f16 ? -65504 : -1e30; // f16 has no smaller number
    scores = select(graph.iota(i32, square, 1) <= row, scores, hidden);
  }
  return matmul(softmax(scores), v);
}

Tensor crossEntropyEach(Arg logits, Arg labels) {
  CallScope scope(logits.at);
  const Tensor x = need("crossEntropy", logits), y = need("crossEntropy", labels);
  checkLabels("crossEntropy", x, y, logits.at);
  Tensor shifted = x - stopGradient(reduceMax(x, -1, true));
  Tensor total = log(reduceSum(exp(shifted), -1));
  // A comparison with the class number, not a gather: it stays in the rows' kernel, backward too.
  Tensor isLabel = x.graph().iota(y.dtype(), x.shape()) == expandDims(y, -1);
  return total - reduceSum(select(isLabel, shifted, 0), -1);
}

Tensor crossEntropy(Arg logits, Arg labels) {
  CallScope scope(logits.at);
  return mean(crossEntropyEach(logits, labels));
}

Tensor meanSquaredError(Arg prediction, Arg target) {
  CallScope scope(prediction.at);
  return mean(square(prediction - target));
}

Tensor accuracy(Arg logits, Arg labels) {
  CallScope scope(logits.at);
  const Tensor x = need("accuracy", logits), y = need("accuracy", labels);
  checkLabels("accuracy", x, y, logits.at);
  return mean(convert(argmax(x, -1) == convert(y, i32), f32));
}

} // namespace weir::nn
