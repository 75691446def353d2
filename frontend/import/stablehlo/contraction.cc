// dot_general, dot and convolution. Operands are converted to the result's dtype first, so that
// products are summed in it.
#include "frontend/import/stablehlo/op.h"

namespace weir::stablehlo {
namespace {

std::pair<Tensor, Tensor> inResultDtype(const Op &op) {
  const DType dtype = op.result().dtype;
  return {convert(op.operand(0), dtype), convert(op.operand(1), dtype)};
}

TensorList dotGeneral(Op &op) {
  op.expectOperands(2);
  const DotNumbers n = parseDot(op.dialectText("dot_dimension_numbers"));
  auto [lhs, rhs] = inResultDtype(op);
  return {dot(lhs, rhs, {n.lhsBatch, n.rhsBatch, n.lhsContract, n.rhsContract})};
}

TensorList plainDot(Op &op) {
  op.expectOperands(2);
  auto [lhs, rhs] = inResultDtype(op);
  return {dot(lhs, rhs, {{}, {}, {lhs.rank() - 1}, {0}})};
}

/// batch or output, feature, spatial dims, as ConvOptions has them.
std::vector<int64_t> dimsOf(const ConvSide &side, bool isKernel) {
  std::vector<int64_t> dims{isKernel ? side.feature : side.batch,
                            isKernel ? side.batch : side.feature};
  dims.insert(dims.end(), side.spatial.begin(), side.spatial.end());
  return dims;
}

TensorList convolutionRule(Op &op) {
  op.expectOperands(2);
  const ConvNumbers n = parseConv(op.dialectText("dimension_numbers"));
  const size_t spatial = n.lhs.spatial.size();
  auto [lhs, rhs] = inResultDtype(op);
  for (const auto &[side, x] : {std::pair(n.lhs, lhs), std::pair(n.rhs, rhs)})
    if (x.shape().size() != spatial + 2)
      op.fail("dimension_numbers are for rank " + std::to_string(spatial + 2) +
              ", but an operand is " + x.type().str());
  Dims64 reversed;
  const Dims64 reversal = op.ints("window_reversal", spatial, 0);
  for (size_t i = 0; i < spatial; ++i)
    if (reversal[i] != 0) reversed.push_back(n.rhs.spatial[i]);
  if (!reversed.empty()) rhs = reverse(rhs, reversed);
  ConvOptions options;
  options.window.strides = op.ints("window_strides", spatial, 1);
  std::tie(options.window.low, options.window.high) = op.padding(spatial);
  options.window.lhsDilation = op.ints("lhs_dilation", spatial, 1);
  options.window.rhsDilation = op.ints("rhs_dilation", spatial, 1);
  options.groups = op.integer("feature_group_count", 1);
  options.batchGroups = op.integer("batch_group_count", 1);
  options.lhsDims = dimsOf(n.lhs, false);
  // Letters i and o of a kernel are read as batch and feature.
  options.rhsDims = dimsOf(n.rhs, true);
  options.outDims = dimsOf(n.out, false);
  return {conv(lhs, rhs, options)};
}

} // namespace

void addContractionRules(Rules &rules) {
  const Rules own = {
      {"stablehlo.dot_general", {dotGeneral}},
      {"stablehlo.dot", {plainDot}},
      {"stablehlo.convolution", {convolutionRule}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
