// Residual networks for images (He et al. 2016): a stem that halves the image twice, four stages of
// basic or bottleneck blocks, global average pooling, one dense layer. ResNet-18 is the default.
#pragma once

#include "frontend/nn/conv.h"
#include "frontend/nn/layers.h"
#include "frontend/nn/norms.h"
#include "frontend/nn/optimizer.h"

#include <optional>

namespace weir::models {

struct ResNetOptions {
  std::vector<int64_t> blocks = {2, 2, 2, 2}; ///< in each stage; {3, 4, 6, 3} is ResNet-34
  int64_t width = 64;                         ///< channels of the first stage; each next doubles
  int64_t classes = 1000;
  /// Blocks of 1x1, 3x3 (with the stride) and 1x1 convolutions, the last four times as wide: {3, 4,
  /// 6, 3} is ResNet-50, {3, 4, 23, 3} ResNet-101, {3, 8, 36, 3} ResNet-152.
  bool bottleneck = false;
  DType dtype = f32;
};
/// ResNet-18, -34, -50, -101 or -152. Error: there is no such depth.
ResNetOptions resnet(int64_t depth, Location at = Location::current());

/// The parameters and the forward pass. NAME = stem, stage2.block0.first, ...: NAME.conv.weight,
/// NAME.norm.scale, ...
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
    std::vector<Unit> units;
    std::optional<Unit> shortcut; ///< where the shape changes
  };
  static Block block(Graph &graph, const std::string &name, int64_t in, int64_t width,
                     int64_t stride, const ResNetOptions &options, Location at);
  static Unit unit(Graph &graph, const std::string &name, int64_t in, int64_t out, int64_t window,
                   int64_t stride, DType dtype, Location at);

  Unit stem;
  std::vector<Block> blocks;
  nn::Linear head;
};

/// inputs "images" [batch, 3, side, side]; output "logits" [batch, classes].
Graph resnetForward(const ResNetOptions &model, int64_t batch, int64_t side,
                    Location at = Location::current());
/// Also "y" i32[batch]; outputs "loss", "accuracy"; trained by `optimizer`.
Graph resnetTraining(const ResNetOptions &model, int64_t batch, int64_t side,
                     const nn::Optimizer &optimizer, uint64_t seed,
                     Location at = Location::current());

} // namespace weir::models
