// Reading by index: Gather and its kin, OneHot, Compress, NonZero.
#include "frontend/import/onnx/linear_index.h"

namespace weir::onnx {

Tensor positionsAlong(const Tensor &indices, const Shape &shape, int64_t axis) {
  Graph graph = indices.graph();
  const Tensor wrapped = convert(wrapIndices(indices, shape.at(static_cast<size_t>(axis))), i64);
  Tensor at = graph.full(indices.shape(), 0, i64);
  for (int64_t d = 0; d < indices.rank(); ++d) {
    const Tensor place = d == axis ? wrapped : graph.iota(i64, indices.shape(), d);
    at = at + place * product(shape, d + 1);
  }
  return at;
}

Tensor positionsOfTuples(Node &node, const Tensor &indices, const Shape &shape, int64_t batch) {
  const int64_t last = indices.rank() - 1, count = last < 0 ? 0 : indices.dim(last);
  if (last < batch || batch + count > static_cast<int64_t>(shape.size()))
    node.fail("the indices do not fit the operand");
  const Shape outer = part(indices.shape(), 0, last);
  Tensor at = node.graph.full(outer, 0, i64);
  for (int64_t b = 0; b < batch; ++b)
    at = at * shape.at(static_cast<size_t>(b)) + node.graph.iota(i64, outer, b);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t size = shape.at(static_cast<size_t>(batch + i));
    const Tensor index = reshape(sliceDim(indices, last, i, i + 1), outer);
    at = at * size + convert(wrapIndices(index, size), i64);
  }
  return at;
}

namespace {

TensorList gatherRule(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", 0), x.rank());
  return {gather(x, wrapIndices(node[1], x.dim(axis)), axis)};
}

TensorList gatherElements(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0], indices = node[1];
  const int64_t axis = node.dim(node.integer("axis", 0), x.rank());
  if (indices.rank() != x.rank()) node.fail("indices and operand must have as many dims");
  return {gather(flat(x), positionsAlong(indices, x.shape(), axis), 0)};
}

TensorList gatherND(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0], indices = node[1];
  const int64_t batch = node.integer("batch_dims", 0);
  if (batch < 0 || indices.rank() < 1) node.fail("the indices do not fit the operand");
  const Tensor at = positionsOfTuples(node, indices, x.shape(), batch);
  const int64_t taken = batch + indices.dim(-1);
  const Shape rest = part(x.shape(), taken);
  return {gather(reshape(x, joined({product(x.shape(), 0, taken)}, rest)), at, 0)};
}

TensorList oneHotRule(Node &node) {
  node.expectOperands(3, 3);
  const int64_t depth = node.array(1, "the depth").cast(i64).data<int64_t>()[0];
  if (depth < 0) node.fail("the depth is negative");
  Tensor indices = node[0];
  if (indices.dtype() != i32) indices = convert(indices, i64);
  const int64_t axis = node.dim(node.integer("axis", -1), indices.rank() + 1);
  indices = expandDims(wrapIndices(indices, depth), axis);
  Shape shape = indices.shape();
  shape[static_cast<size_t>(axis)] = depth;
  const Tensor hot = node.graph.iota(indices.dtype(), shape, axis) == indices;
  const Tensor off = reshape(sliceDim(node[2], 0, 0, 1), {});
  const Tensor on = reshape(sliceDim(node[2], 0, 1, 2), {});
  return {select(hot, on, off)};
}

/// Its result has as many elements as the condition has truths: the condition must be known.
TensorList compress(Node &node) {
  node.expectOperands(2, 2);
  Tensor x = node[0];
  const Shape condition = node.ints(1, "the condition");
  const int64_t axis = node.has("axis") ? node.dim(node.integer("axis"), x.rank()) : 0;
  if (!node.has("axis")) x = flat(x);
  std::vector<int64_t> kept;
  for (size_t i = 0; i < condition.size() && static_cast<int64_t>(i) < x.dim(axis); ++i)
    if (condition[i]) kept.push_back(static_cast<int64_t>(i));
  return {gather(
      x, node.graph.constant(Array::from<int64_t>({static_cast<int64_t>(kept.size())}, kept)),
      axis)};
}

ValueList nonZero(Node &node) {
  node.expectOperands(1, 1);
  const Array x = node.array(0, "the operand");
  const int64_t rank = x.rank();
  std::vector<std::vector<int64_t>> rows(static_cast<size_t>(rank));
  for (int64_t i = 0; i < x.size(); ++i) {
    if (x.at(i) == 0) continue;
    int64_t rest = i;
    for (int64_t d = rank - 1; d >= 0; --d) {
      const auto at = static_cast<size_t>(d);
      rows[at].push_back(rest % x.dims()[at]);
      rest /= x.dims()[at];
    }
  }
  std::vector<int64_t> all;
  for (const auto &row : rows) all.insert(all.end(), row.begin(), row.end());
  const int64_t count = rank ? static_cast<int64_t>(rows[0].size()) : 0;
  return {node.importer.constant(Array::from<int64_t>({rank, count}, all))};
}

} // namespace

void addGatherRules(Rules &rules) {
  const Rules own = {
      {"Compress", compress}, {"Gather", gatherRule}, {"GatherElements", gatherElements},
      {"GatherND", gatherND}, {"NonZero", nonZero},   {"OneHot", oneHotRule},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
