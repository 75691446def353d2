// General gather and scatter in terms of Weir's, which index one dim: the dims that are indexed are
// put together as one, and positions in it are computed from the index vectors.
#pragma once

#include "frontend/import/stablehlo/op.h"

namespace weir::stablehlo {

/// The numbers that gather and scatter share, under gather's names.
struct IndexNumbers {
  Dims64 windowDims;       ///< of the slices in the result of gather (the updates of scatter)
  Dims64 collapsedDims;    ///< operand dims, of window size 1, that slices do not have
  Dims64 operandBatchDims; ///< operand dims that go along with dims of the indices
  Dims64 indicesBatchDims; ///< those dims of the indices
  Dims64 indexedDims;      ///< operand dim of each component of an index vector
  int64_t indexVectorDim = 0;
  Dims64 windowSizes; ///< of every operand dim
};

/// Two forms of the same arrays: as the text has them, and the indexed form with one indexed dim:
///   operand   [batch..., all indexed dims as one, full windows...]
///   slices    [batch..., other index dims..., windows of indexed dims..., full windows...]
///   positions [batch..., other index dims..., windows of indexed dims...]
/// Operand dims with windows smaller than the dim count as indexed, from 0; windows of size 1 have
/// no dim.
class IndexSpace {
public:
  /// Throws Error where the numbers do not fit the shapes.
  IndexSpace(const Op &op, IndexNumbers numbers, const TensorType &operand,
             const TensorType &indices);

  int64_t batchDims() const { return static_cast<int64_t>(n.operandBatchDims.size()); }
  /// Of the slices, as the text has them.
  const Shape &slicesShape() const { return textShape; }
  Tensor operandToIndexed(const Tensor &operand) const;
  Tensor operandFromIndexed(const Tensor &form) const;
  Tensor slicesToIndexed(const Tensor &slices) const;
  Tensor slicesFromIndexed(const Tensor &form) const;

  enum OutOfRange { Clamp, Drop };
  /// Clamp moves windows to where they fit; Drop gives elements that are out of range -1.
  Tensor positions(const Tensor &indices, OutOfRange treatment) const;

private:
  void check(const Op &op) const;
  void classifyDims();
  void relateSlices(const Op &op);
  Dims64 operandOrder() const;
  /// Component j of the index vectors: [batch..., other index dims...] and a 1 for each window dim.
  std::vector<Tensor> components(const Tensor &indices) const;
  int64_t window(int64_t dim) const { return n.windowSizes[static_cast<size_t>(dim)]; }
  int64_t size(int64_t dim) const { return operandShape[static_cast<size_t>(dim)]; }

  IndexNumbers n;
  Shape operandShape, indicesShape; ///< indices: with their vector dim, also when it is implicit
  Dims64 indexed, wide, full;       ///< operand dims; wide: indexed with a window above 1
  Dims64 batchIndexDims, otherIndexDims; ///< numbered without the vector dim
  Shape textShape;                       ///< of the slices
  Dims64 formOfText;                     ///< for each dim of them the dim of the form, or -1
};

} // namespace weir::stablehlo
