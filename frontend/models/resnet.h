// Residual networks for images (He et al. 2016) with basic blocks: a stem that halves the image
// twice, four stages, global average pooling, one dense layer. ResNet-18 is the default.
#pragma once

#include "frontend/nn/conv.h"
#include "frontend/nn/layers.h"
#include "frontend/nn/norms.h"

#include <optional>

namespace weir::models {

struct ResNetOptions {
  std::vector<int64_t> blocks = {2, 2, 2, 2}; ///< in each stage; {3, 4, 6, 3} is ResNet-34
  int64_t width = 64;                         ///< channels of the first stage; each next doubles
  int64_t classes = 1000;
  DType dtype = f32;
};

/// The parameters and the forward pass. ResNet-18: 11,689,512 parameters, names as in
/// NAME = stem, stage2.block0, ...: NAME.conv.weight, NAME.norm.scale, ...
class ResNet {
public:
  ResNet(Graph &graph, const ResNetOptions &options = {}, Location at = Location::current());
  /// Images [b, 3, height, width] -> logits [b, classes]. With `training` batch norms use and
  /// remember the batch's moments.
  Tensor operator()(Arg images, bool training) const;

private:
  /// Convolution without bias, batch norm.
  struct Unit {
    nn::Conv conv;
    nn::BatchNorm norm;
    Tensor operator()(const Tensor &x, bool training) const { return norm(conv(x), training); }
  };
  struct Block {
    std::string name;
    Unit first, second;
    std::optional<Unit> shortcut; ///< where the shape changes
  };
  static Unit unit(Graph &graph, const std::string &name, int64_t in, int64_t out, int64_t window,
                   int64_t stride, DType dtype, Location at);

  Unit stem;
  std::vector<Block> blocks;
  nn::Linear head;
};

} // namespace weir::models
