// Elements of a tensor by their position in row-major order: what GatherElements, GatherND and the
// scatters have in common.
#pragma once

#include "frontend/import/onnx/node.h"

namespace weir::onnx {

/// For indices along `axis`, one for each element: the positions in a flattened tensor of `shape`.
Tensor positionsAlong(const Tensor &indices, const Shape &shape, int64_t axis);
/// For tuples in the last dim of `indices`, behind `batch` shared dims: the positions of slices,
/// counted in slices.
Tensor positionsOfTuples(Node &node, const Tensor &indices, const Shape &shape, int64_t batch);

} // namespace weir::onnx
