#include "frontend/nn/losses.h"

#include "frontend/api/graph.h"
#include "frontend/nn/need.h"

namespace weir::nn {

Tensor meanAbsoluteError(Arg prediction, Arg target) {
  CallScope scope(prediction.at);
  return mean(abs(prediction - target));
}

Tensor huber(Arg prediction, Arg target, double delta) {
  CallScope scope(prediction.at);
  if (!(delta > 0))
    throw Error("huber: delta is " + std::to_string(delta) + ", but must be positive",
                prediction.at);
  Tensor d = abs(prediction - target);
  return mean(select(d <= delta, 0.5 * square(d), delta * (d - 0.5 * delta)));
}

Tensor binaryCrossEntropy(Arg logits, Arg targets) {
  CallScope scope(logits.at);
  const Tensor x = need("binaryCrossEntropy", logits);
  // log(1 + e^x) - x·y, without overflow; |x| gives the slope that max alone would lose at 0.
  return mean(max(x, 0) - x * targets + log1p(exp(-abs(x))));
}

Tensor negativeLogLikelihood(Arg logProbabilities, Arg labels) {
  CallScope scope(logProbabilities.at);
  const Tensor p = need("negativeLogLikelihood", logProbabilities),
               y = need("negativeLogLikelihood", labels);
  Shape rows = p.shape();
  if (!rows.empty()) rows.pop_back();
  if (runtime::isFloat(y.dtype()) || p.rank() == 0 || y.shape() != rows)
    throw Error("negativeLogLikelihood: log probabilities are " + p.type().str() +
                    ", so labels must be integers [...] for each row, not " + y.type().str(),
                logProbabilities.at, {noteOn(p, "log probabilities"), noteOn(y, "labels")});
  Tensor isLabel = p.graph().iota(y.dtype(), p.shape()) == expandDims(y, -1);
  return -mean(reduceSum(select(isLabel, p, 0), -1));
}

Tensor klDivergence(Arg logPrediction, Arg target) {
  CallScope scope(logPrediction.at);
  const Tensor q = need("klDivergence", logPrediction), p = need("klDivergence", target);
  // A zero becomes 1 before the logarithm, so that neither value nor slope is NaN.
  Tensor logP = log(select(p > 0, p, 1));
  return mean(reduceSum(p * (logP - q), -1));
}

Tensor hinge(Arg scores, Arg targets, double margin) {
  CallScope scope(scores.at);
  return mean(relu(margin - targets * scores));
}

Tensor cosineSimilarity(Arg x, Arg y, int64_t dim, double epsilon) {
  CallScope scope(x.at);
  const Tensor a = need("cosineSimilarity", x), b = need("cosineSimilarity", y);
  // The root of a maximum, not the maximum of roots: a zero vector has slope 0, not NaN.
  auto norm = [&](const Tensor &t) {
    return sqrt(max(reduceSum(square(t), dim), epsilon * epsilon));
  };
  return reduceSum(a * b, dim) / (norm(a) * norm(b));
}

Tensor cosineDistance(Arg x, Arg y, int64_t dim) {
  CallScope scope(x.at);
  return mean(1 - cosineSimilarity(x, y, dim));
}

} // namespace weir::nn
