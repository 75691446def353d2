// Ops that move values or make them out of attributes.
#include "frontend/import/stablehlo/op.h"

#include <algorithm>

namespace weir::stablehlo {
namespace {

TensorList constant(Op &op) {
  op.expectOperands(0);
  std::optional<Elements> elements = elementsOf(op.attribute("value"));
  if (!elements) op.fail("needs a dense value of supported dtype and static shape");
  const TensorType type = op.result(), narrow = op.narrowResult(0);
  if (elements->array.dtype() != narrow.dtype ||
      (!elements->splat && elements->array.dims() != narrow.shape))
    op.fail("the value is " + elements->array.typeStr() + ", the text says " + narrow.str());
  const Array array =
      elements->array.dtype() == type.dtype ? elements->array : elements->array.cast(type.dtype);
  return {fill(op.importer.graph.constant(array), type.shape)};
}

TensorList iota(Op &op) {
  const TensorType type = op.result();
  const int64_t dim = op.integer("iota_dimension");
  if (dim < 0 || dim >= static_cast<int64_t>(type.shape.size()))
    op.fail("iota_dimension " + std::to_string(dim) + " is no dim of " + type.str());
  const DType made = type.dtype == i1 ? i32 : type.dtype;
  return {convert(op.importer.graph.iota(made, type.shape, dim), type.dtype)};
}

/// Dims of size 1 may grow, and dims need not be ascending: a reshape and a transpose before
/// Weir's broadcast.
TensorList broadcastInDim(Op &op) {
  const Tensor x = op.operand(0);
  const Shape &from = x.shape();
  const Shape to = op.result().shape;
  if (op.importer.isLifting()) {
    if (!to.empty()) op.fail("a region that combines elements works on scalars");
    return {x};
  }
  const Dims64 dims = op.ints("broadcast_dimensions", from.size());
  std::vector<std::pair<int64_t, int64_t>> kept; // result dim, operand dim
  for (size_t i = 0; i < from.size(); ++i) {
    if (dims[i] < 0 || dims[i] >= static_cast<int64_t>(to.size()))
      op.fail("broadcast_dimensions name dim " + std::to_string(dims[i]) + " of " +
              op.result().str());
    if (from[i] == to[static_cast<size_t>(dims[i])])
      kept.push_back({dims[i], static_cast<int64_t>(i)});
    else if (from[i] != 1)
      op.fail("dim " + std::to_string(i) + " is " + std::to_string(from[i]) +
              ", which cannot grow to " + std::to_string(to[static_cast<size_t>(dims[i])]));
  }
  Shape squeezed;
  Dims64 rank(from.size(), -1); // of each operand dim among those that are kept
  for (const auto &[result, operand] : kept) {
    rank[static_cast<size_t>(operand)] = static_cast<int64_t>(squeezed.size());
    squeezed.push_back(from[static_cast<size_t>(operand)]);
  }
  std::sort(kept.begin(), kept.end());
  Dims64 order, target;
  for (const auto &[result, operand] : kept) {
    order.push_back(rank[static_cast<size_t>(operand)]);
    target.push_back(result);
  }
  Tensor y = squeezed == from ? x : reshape(x, squeezed);
  if (!std::is_sorted(order.begin(), order.end())) y = transpose(y, order);
  return {y.shape() == to ? y : broadcast(y, to, target)};
}

TensorList reshapeRule(Op &op) {
  const Tensor x = op.operand(0);
  const Shape to = op.result().shape;
  if (op.importer.isLifting() && to.empty()) return {x};
  if (x.size() != *runtime::elementCount(to))
    op.fail(x.type().str() + " cannot become " + op.result().str());
  return {x.shape() == to ? x : reshape(x, to)};
}

TensorList transposeRule(Op &op) {
  op.expectOperands(1);
  const Tensor x = op.operand(0);
  const Dims64 permutation = op.ints("permutation", x.shape().size());
  return {permutation == upTo(x.rank()) ? x : transpose(x, permutation)};
}

TensorList sliceRule(Op &op) {
  op.expectOperands(1);
  const size_t rank = op.operand(0).shape().size();
  return {slice(op.operand(0), op.ints("start_indices", rank), op.ints("limit_indices", rank),
                op.ints("strides", rank, 1))};
}

TensorList padRule(Op &op) {
  op.expectOperands(2);
  const size_t rank = op.operand(0).shape().size();
  return {pad(op.operand(0), op.operand(1), op.ints("edge_padding_low", rank),
              op.ints("edge_padding_high", rank), op.ints("interior_padding", rank, 0))};
}

TensorList concatenateRule(Op &op) {
  return {concatenate(op.operands(), op.integer("dimension"))};
}

TensorList reverseRule(Op &op) {
  op.expectOperands(1);
  return {reverse(op.operand(0), op.ints("dimensions"))};
}

TensorList dynamicSliceRule(Op &op) {
  const Tensor x = op.operand(0);
  const size_t rank = x.shape().size();
  op.expectOperands(1 + rank);
  std::vector<Arg> starts;
  for (const Tensor &start : op.operands(1, rank)) starts.push_back(asIndex(start));
  return {dynamicSlice(x, starts, op.ints("slice_sizes", rank))};
}

TensorList dynamicUpdateSliceRule(Op &op) {
  const Tensor x = op.operand(0);
  const size_t rank = x.shape().size();
  op.expectOperands(2 + rank);
  std::vector<Arg> starts;
  for (const Tensor &start : op.operands(2, rank)) starts.push_back(asIndex(start));
  return {dynamicUpdateSlice(x, op.operand(1), starts)};
}

TensorList barrierRule(Op &op) {
  return barrier(op.operands());
}

TensorList same(Op &op) {
  op.expectOperands(1);
  return {op.operand(0)};
}

} // namespace

void addLayoutRules(Rules &rules) {
  const Rules own = {
      {"stablehlo.constant", {constant, true}},
      {"stablehlo.iota", {iota}},
      {"stablehlo.broadcast_in_dim", {broadcastInDim, true}},
      {"stablehlo.reshape", {reshapeRule, true}},
      {"stablehlo.transpose", {transposeRule}},
      {"stablehlo.slice", {sliceRule}},
      {"stablehlo.pad", {padRule}},
      {"stablehlo.concatenate", {concatenateRule}},
      {"stablehlo.reverse", {reverseRule}},
      {"stablehlo.dynamic_slice", {dynamicSliceRule}},
      {"stablehlo.dynamic_update_slice", {dynamicUpdateSliceRule}},
      {"stablehlo.optimization_barrier", {barrierRule}},
      {"stablehlo.copy", {same, true}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
