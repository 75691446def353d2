#include "frontend/import/stablehlo/index_space.h"

#include <algorithm>

namespace weir::stablehlo {
namespace {

bool contains(const Dims64 &list, int64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

void append(Dims64 &list, const Dims64 &more) {
  list.insert(list.end(), more.begin(), more.end());
}

/// Different dims of a tensor of this rank.
void requireDims(const Op &op, const char *what, const Dims64 &dims, int64_t rank) {
  Dims64 sorted = dims;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    op.fail(std::string(what) + " names a dim twice");
  if (!sorted.empty() && (sorted.front() < 0 || sorted.back() >= rank))
    op.fail(std::string(what) + " names a dim that a tensor of rank " + std::to_string(rank) +
            " does not have");
}

Dims64 inverseOf(const Dims64 &permutation) {
  Dims64 inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i)
    inverse[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  return inverse;
}

Tensor ordered(const Tensor &x, const Dims64 &order) {
  return std::is_sorted(order.begin(), order.end()) ? x : transpose(x, order);
}

Tensor shaped(const Tensor &x, const Shape &shape) {
  return x.shape() == shape ? x : reshape(x, shape);
}

} // namespace

IndexSpace::IndexSpace(const Op &op, IndexNumbers numbers, const TensorType &operand,
                       const TensorType &indices)
    : n(std::move(numbers)), operandShape(operand.shape), indicesShape(indices.shape) {
  if (n.indexVectorDim == static_cast<int64_t>(indicesShape.size())) indicesShape.push_back(1);
  check(op);
  classifyDims();
  relateSlices(op);
}

void IndexSpace::check(const Op &op) const {
  const auto rank = static_cast<int64_t>(operandShape.size()),
             indicesRank = static_cast<int64_t>(indicesShape.size());
  if (n.indexVectorDim < 0 || n.indexVectorDim >= indicesRank)
    op.fail("index_vector_dim is " + std::to_string(n.indexVectorDim));
  Dims64 gone = n.collapsedDims, fromIndices = n.indexedDims;
  append(gone, n.operandBatchDims);
  append(fromIndices, n.operandBatchDims);
  requireDims(op, "collapsed, inserted or batching dims", gone, rank);
  requireDims(op, "indexed or batching dims", fromIndices, rank);
  Dims64 ofIndices = n.indicesBatchDims;
  ofIndices.push_back(n.indexVectorDim);
  requireDims(op, "the indices' batching dims or index_vector_dim", ofIndices, indicesRank);
  if (n.operandBatchDims.size() != n.indicesBatchDims.size())
    op.fail("operand and indices have different numbers of batching dims");
  const int64_t components = indicesShape[static_cast<size_t>(n.indexVectorDim)];
  if (components != static_cast<int64_t>(n.indexedDims.size()))
    op.fail("index vectors have " + std::to_string(components) + " components for " +
            std::to_string(n.indexedDims.size()) + " indexed dims");
  for (int64_t d = 0; d < rank; ++d)
    if (window(d) < 0 || window(d) > size(d) || (contains(gone, d) && window(d) > 1))
      op.fail("the window of dim " + std::to_string(d) + " is " + std::to_string(window(d)));
  for (size_t i = 0; i < n.operandBatchDims.size(); ++i)
    if (size(n.operandBatchDims[i]) != indicesShape[static_cast<size_t>(n.indicesBatchDims[i])])
      op.fail("batching dims of operand and indices differ in size");
}

void IndexSpace::classifyDims() {
  indexed = n.indexedDims;
  for (int64_t d = 0; d < static_cast<int64_t>(operandShape.size()); ++d) {
    if (contains(n.operandBatchDims, d) || contains(n.indexedDims, d)) continue;
    (window(d) < size(d) || contains(n.collapsedDims, d) ? indexed : full).push_back(d);
  }
  for (int64_t d : indexed)
    if (window(d) != 1) wide.push_back(d);
  auto withoutVector = [&](int64_t d) { return d < n.indexVectorDim ? d : d - 1; };
  for (int64_t d : n.indicesBatchDims) batchIndexDims.push_back(withoutVector(d));
  for (int64_t d = 0; d < static_cast<int64_t>(indicesShape.size()) - 1; ++d)
    if (!contains(batchIndexDims, d)) otherIndexDims.push_back(d);
}

void IndexSpace::relateSlices(const Op &op) {
  Dims64 windowed; // operand dims that slices have, in their order
  for (int64_t d = 0; d < static_cast<int64_t>(operandShape.size()); ++d)
    if (!contains(n.collapsedDims, d) && !contains(n.operandBatchDims, d)) windowed.push_back(d);
  const size_t rank = windowed.size() + batchIndexDims.size() + otherIndexDims.size();
  requireDims(op, "window dims of slices", n.windowDims, static_cast<int64_t>(rank));
  if (n.windowDims.size() != windowed.size() ||
      !std::is_sorted(n.windowDims.begin(), n.windowDims.end()))
    op.fail("slices have " + std::to_string(n.windowDims.size()) + " window dims for " +
            std::to_string(windowed.size()) + " windows, which must ascend");
  auto formOf = [&](const Dims64 &list, int64_t value, size_t offset) -> int64_t {
    auto found = std::find(list.begin(), list.end(), value);
    return found == list.end() ? -1 : static_cast<int64_t>(offset) + (found - list.begin());
  };
  const size_t indexDims = batchIndexDims.size() + otherIndexDims.size();
  size_t nextWindow = 0;
  int64_t nextIndex = 0;
  for (size_t p = 0; p < rank; ++p) {
    int64_t form;
    if (contains(n.windowDims, static_cast<int64_t>(p))) {
      const int64_t d = windowed[nextWindow++];
      form = std::max(formOf(wide, d, indexDims), formOf(full, d, indexDims + wide.size()));
      textShape.push_back(window(d));
    } else {
      const int64_t d = nextIndex++;
      form =
          std::max(formOf(batchIndexDims, d, 0), formOf(otherIndexDims, d, batchIndexDims.size()));
      textShape.push_back(indicesShape[static_cast<size_t>(d < n.indexVectorDim ? d : d + 1)]);
    }
    formOfText.push_back(form);
  }
}

// ---- Operand ----

Dims64 IndexSpace::operandOrder() const {
  Dims64 order = n.operandBatchDims;
  append(order, indexed);
  append(order, full);
  return order;
}

Tensor IndexSpace::operandToIndexed(const Tensor &operand) const {
  Shape shape;
  int64_t together = 1;
  for (int64_t d : n.operandBatchDims) shape.push_back(size(d));
  for (int64_t d : indexed) together *= size(d);
  shape.push_back(together);
  for (int64_t d : full) shape.push_back(size(d));
  return shaped(ordered(operand, operandOrder()), shape);
}

Tensor IndexSpace::operandFromIndexed(const Tensor &form) const {
  const Dims64 order = operandOrder();
  Shape shape;
  for (int64_t d : order) shape.push_back(size(d));
  return ordered(shaped(form, shape), inverseOf(order));
}

// ---- Slices ----

Tensor IndexSpace::slicesToIndexed(const Tensor &slices) const {
  Shape present;
  Dims64 forms;
  for (size_t p = 0; p < formOfText.size(); ++p)
    if (formOfText[p] >= 0) {
      present.push_back(textShape[p]);
      forms.push_back(formOfText[p]);
    }
  return ordered(shaped(slices, present), inverseOf(forms));
}

Tensor IndexSpace::slicesFromIndexed(const Tensor &form) const {
  Dims64 forms;
  for (int64_t f : formOfText)
    if (f >= 0) forms.push_back(f);
  return shaped(ordered(form, forms), textShape);
}

// ---- Positions ----

std::vector<Tensor> IndexSpace::components(const Tensor &indices) const {
  Dims64 order;
  Shape shape;
  for (const Dims64 *dims : {&batchIndexDims, &otherIndexDims})
    for (int64_t d : *dims) {
      order.push_back(d < n.indexVectorDim ? d : d + 1);
      shape.push_back(indicesShape[static_cast<size_t>(order.back())]);
    }
  order.push_back(n.indexVectorDim);
  shape.insert(shape.end(), wide.size(), 1);
  const Tensor vectors = ordered(shaped(asIndex(indices), indicesShape), order);
  std::vector<Tensor> list;
  for (int64_t j = 0; j < static_cast<int64_t>(n.indexedDims.size()); ++j)
    list.push_back(reshape(sliceDim(vectors, -1, j, j + 1), shape));
  return list;
}

Tensor IndexSpace::positions(const Tensor &indices, OutOfRange treatment) const {
  std::vector<Tensor> starts = components(indices);
  // One dim and no windows: Weir's gather clamps, and its scatters drop, in the same way.
  if (indexed.size() == 1 && wide.empty() && starts.size() == 1) return starts[0];
  Graph graph = indices.graph();
  Shape shape; // of the positions
  for (const Dims64 *dims : {&batchIndexDims, &otherIndexDims})
    for (int64_t d : *dims)
      shape.push_back(indicesShape[static_cast<size_t>(d < n.indexVectorDim ? d : d + 1)]);
  const size_t outer = shape.size();
  for (int64_t d : wide) shape.push_back(window(d));
  int64_t count = 1;
  for (int64_t d : indexed) count *= size(d);
  const DType dtype = count > INT32_MAX || asIndex(indices).dtype() == i64 ? i64 : i32;
  Tensor sum = graph.full(shape, 0, dtype), inRange = graph.full(shape, 1, i1);
  for (size_t j = 0; j < indexed.size(); ++j) {
    const int64_t d = indexed[j];
    count = size(d) == 0 ? 0 : count / size(d); // the stride of this dim
    Tensor at = j < starts.size() ? convert(starts[j], dtype) : graph.scalar(0, dtype);
    if (treatment == Clamp && j < starts.size()) at = min(max(at, 0), size(d) - window(d));
    auto place = std::find(wide.begin(), wide.end(), d);
    if (place != wide.end()) {
      Shape along(shape.size(), 1);
      along[outer + static_cast<size_t>(place - wide.begin())] = window(d);
      at = at + reshape(graph.iota(dtype, {window(d)}), along);
    }
    if (treatment == Drop) inRange = inRange & (at >= 0) & (at < size(d));
    sum = sum + at * count;
  }
  return treatment == Drop ? select(inRange, sum, -1) : sum;
}

} // namespace weir::stablehlo
