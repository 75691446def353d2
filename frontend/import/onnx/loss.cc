// Losses over labels: [n, classes, d...] against [n, d...].
#include "frontend/import/onnx/node.h"
#include "frontend/nn/functional.h"

namespace weir::onnx {
namespace {

/// `scores` are log probabilities; operand 2 weighs the classes.
Tensor likelihoodLoss(Node &node, const Tensor &scores) {
  Tensor labels = node[1];
  if (scores.rank() < 2 || labels.rank() != scores.rank() - 1)
    node.fail("needs [n, classes, ...] and labels [n, ...]");
  if (labels.dtype() != i64) labels = convert(labels, i64);
  const int64_t classes = scores.dim(1);
  const Tensor hot =
      node.graph.iota(i64, scores.shape(), 1) == broadcastTo(expandDims(labels, 1), scores.shape());
  Tensor weight = node.graph.full(labels.shape(), 1, scores.dtype());
  if (node.has(2)) {
    Shape shape(static_cast<size_t>(scores.rank()), 1);
    shape[1] = classes;
    const Tensor each = broadcastTo(reshape(node[2], shape), scores.shape());
    weight = reduceSum(select(hot, each, zerosLike(scores)), 1);
  }
  if (node.has("ignore_index"))
    weight = select(labels == node.integer("ignore_index"), zerosLike(weight), weight);
  const Tensor picked = reduceSum(select(hot, scores, zerosLike(scores)), 1);
  const Tensor loss = select(weight == 0, zerosLike(weight), -picked * weight);
  const std::string reduction = node.string("reduction", "mean");
  if (reduction == "none") return loss;
  if (reduction == "sum") return reduceSum(loss);
  if (reduction == "mean") return reduceSum(loss) / reduceSum(weight);
  node.fail("reduction must be none, sum or mean");
}

TensorList negativeLogLikelihood(Node &node) {
  node.expectOperands(2, 3);
  return {likelihoodLoss(node, node[0])};
}

TensorList softmaxCrossEntropy(Node &node) {
  node.expectOperands(2, 3);
  const Tensor scores = nn::logSoftmax(node[0], 1);
  return {likelihoodLoss(node, scores), scores};
}

} // namespace

void addLossRules(Rules &rules) {
  const Rules own = {{"NegativeLogLikelihoodLoss", negativeLogLikelihood},
                     {"SoftmaxCrossEntropyLoss", softmaxCrossEntropy}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
