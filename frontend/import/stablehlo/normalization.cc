// Batch normalisation, which StableHLO has as ops. Source: StableHLO specification, batch_norm_*.
#include "frontend/import/stablehlo/op.h"

namespace weir::stablehlo {
namespace {

struct BatchNorm {
  Tensor x;
  int64_t feature;
  double epsilon;
  Dims64 others; ///< all dims but the feature's

  /// A value of each feature, at every position.
  Tensor spread(const Tensor &perFeature) const {
    return broadcast(perFeature, x.shape(), {feature});
  }
  Tensor mean(const Tensor &t) const { return weir::mean(t, others); }
  Tensor sum(const Tensor &t) const { return weir::reduceSum(t, others); }
  Tensor scaleOf(const Tensor &variance) const { return rsqrt(variance + epsilon); }
};

BatchNorm batchNormOf(const Op &op) {
  BatchNorm b{op.operand(0), op.integer("feature_index"), op.real("epsilon", 0), {}};
  if (b.feature < 0 || b.feature >= b.x.rank())
    op.fail("feature_index is " + std::to_string(b.feature) + " for " + b.x.type().str());
  for (int64_t d = 0; d < b.x.rank(); ++d)
    if (d != b.feature) b.others.push_back(d);
  return b;
}

TensorList inference(Op &op) {
  op.expectOperands(5);
  const BatchNorm b = batchNormOf(op);
  const Tensor factor = b.spread(op.operand(1) * b.scaleOf(op.operand(4)));
  return {(b.x - b.spread(op.operand(3))) * factor + b.spread(op.operand(2))};
}

TensorList training(Op &op) {
  op.expectOperands(3);
  const BatchNorm b = batchNormOf(op);
  const Tensor mean = b.mean(b.x), centered = b.x - b.spread(mean),
               variance = b.mean(square(centered));
  const Tensor factor = b.spread(op.operand(1) * b.scaleOf(variance));
  return {centered * factor + b.spread(op.operand(2)), mean, variance};
}

/// operand, scale, mean, variance, cotangent of the output.
TensorList gradient(Op &op) {
  op.expectOperands(5);
  const BatchNorm b = batchNormOf(op);
  const Tensor scale = op.operand(1), ct = op.operand(4), factor = b.scaleOf(op.operand(3));
  const Tensor normalized = (b.x - b.spread(op.operand(2))) * b.spread(factor);
  const Tensor ofScale = b.sum(ct * normalized), ofOffset = b.sum(ct);
  const Tensor inner = ct - b.spread(b.mean(ct)) - normalized * b.spread(b.mean(ct * normalized));
  return {b.spread(scale * factor) * inner, ofScale, ofOffset};
}

} // namespace

void addNormalizationRules(Rules &rules) {
  const Rules own = {
      {"stablehlo.batch_norm_inference", {inference}},
      {"stablehlo.batch_norm_training", {training}},
      {"stablehlo.batch_norm_grad", {gradient}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
