// What convolutions and pooling share: the padding that ONNX's attributes mean.
#pragma once

#include "frontend/import/onnx/node.h"

namespace weir::onnx {

/// One entry for each spatial dim.
struct Window {
  Shape sizes, strides, dilations, low, high, out;
  /// What the attributes say of the padding, without what ceil_mode adds.
  Shape explicitHigh;
  int64_t extent(size_t i) const { return (sizes[i] - 1) * dilations[i] + 1; }
};

/// Attribute `name` with an entry for each of `count` spatial dims; ones (or zeros) when left out.
Shape entries(Node &node, const std::string &name, size_t count, int64_t fallback);
/// strides, dilations, pads, auto_pad and ceil_mode over the spatial dims of x, for windows of
/// `sizes`.
Window windowOf(Node &node, const Tensor &x, const Shape &sizes);
/// [channels] so that it broadcasts against [b, channels, spatial...].
Tensor perChannel(const Tensor &x, int64_t rank);
/// The convolution that the node's attributes describe, without a bias.
Tensor convolve(Node &node, const Tensor &x, const Tensor &filters);

} // namespace weir::onnx
