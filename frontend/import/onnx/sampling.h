// Images read at places between their elements.
#pragma once

#include "frontend/import/onnx/node.h"

namespace weir::onnx {

/// Images [n, c, spatial...] as rows of channels: [n, places, c].
Tensor asRows(const Tensor &images);
/// Elements of rows [n, places, c] of images with sizes `spatial`: at integer coordinates `at`, one
/// i64[n, count] for each spatial dim; 0 outside. [n, count, c].
Tensor readAt(const Tensor &rows, const Shape &spatial, const TensorList &at);
/// Multilinear interpolation at float coordinates [n, count]; what is outside counts as 0.
Tensor interpolate(const Tensor &rows, const Shape &spatial, const TensorList &at);

} // namespace weir::onnx
