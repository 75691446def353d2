// Writing by index: ScatterElements, ScatterND and TensorScatter.
#include "frontend/import/onnx/linear_index.h"

namespace weir::onnx {
namespace {

/// `updates` combined into the slices of x at `at`; both are flattened but for the slices.
Tensor combine(Node &node, const Tensor &x, const Tensor &at, const Tensor &updates) {
  const std::string how = node.string("reduction", "none");
  // Truths as numbers: the scatters add and compare.
  const bool truths = x.dtype() == i1;
  const Tensor to = truths ? convert(x, i32) : x;
  const Tensor from = truths ? convert(updates, i32) : updates;
  Tensor y;
  if (how == "none" || how.empty())
    y = scatterSet(to, at, from, 0);
  else if (how == "add")
    y = truths ? scatterMax(to, at, from, 0) : scatterAdd(to, at, from, 0);
  else if (how == "mul")
    y = scatterMul(to, at, from, 0);
  else if (how == "max")
    y = scatterMax(to, at, from, 0);
  else if (how == "min")
    y = scatterMin(to, at, from, 0);
  else
    node.fail("reduction '" + how + "' is not supported");
  return truths ? y != 0 : y;
}

TensorList scatterElements(Node &node) {
  node.expectOperands(3, 3);
  const Tensor x = node[0], indices = node[1], updates = node[2];
  const int64_t axis = node.dim(node.integer("axis", 0), x.rank());
  if (indices.rank() != x.rank() || indices.shape() != updates.shape())
    node.fail("indices and updates must have one shape, with the operand's number of dims");
  const Tensor at = positionsAlong(indices, x.shape(), axis);
  return {reshape(combine(node, flat(x), flat(at), flat(updates)), x.shape())};
}

TensorList scatterND(Node &node) {
  node.expectOperands(3, 3);
  const Tensor x = node[0], indices = node[1], updates = node[2];
  const Tensor at = flat(positionsOfTuples(node, indices, x.shape(), 0));
  const int64_t taken = indices.dim(-1);
  const Shape rest = part(x.shape(), taken);
  const Tensor rows = reshape(x, joined({product(x.shape(), 0, taken)}, rest));
  return {reshape(combine(node, rows, at, reshape(updates, joined({at.size()}, rest))), x.shape())};
}

/// A cache [b, ..., length, ...] with `updates` written from each batch's own start.
TensorList tensorScatter(Node &node) {
  node.expectOperands(2, 3);
  const Tensor cache = node[0], updates = node[1];
  const int64_t axis = node.dim(node.integer("axis", -2), cache.rank());
  if (axis < 1 || updates.rank() != cache.rank()) node.fail("the axis must be behind the batch");
  const int64_t b = cache.dim(0), length = cache.dim(axis);
  Tensor start = node.graph.full({b}, 0, i64);
  if (node.has(2)) start = convert(node[2], i64);
  Shape shape(static_cast<size_t>(cache.rank()), 1);
  shape[0] = b;
  Tensor place = reshape(start, shape) + node.graph.iota(i64, updates.shape(), axis);
  if (node.string("mode", "linear") == "circular") place = floorMod(place, length);
  const Tensor at = positionsAlong(place, cache.shape(), axis);
  return {reshape(scatterSet(flat(cache), flat(at), flat(updates), 0), cache.shape())};
}

} // namespace

void addScatterRules(Rules &rules) {
  const Rules own = {
      {"Scatter", scatterElements},
      {"ScatterElements", scatterElements},
      {"ScatterND", scatterND},
      {"TensorScatter", tensorScatter},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
