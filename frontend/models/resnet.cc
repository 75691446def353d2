#include "frontend/models/resnet.h"

namespace weir::models {

ResNet::Unit ResNet::unit(Graph &graph, const std::string &name, int64_t in, int64_t out,
                          int64_t window, int64_t stride, DType dtype, Location at) {
  const int64_t padding = window / 2;
  return {nn::Conv(graph, name + ".conv", in, out, {window, window},
                   {.strides = {stride, stride},
                    .padding = {padding, padding},
                    .bias = false,
                    .dtype = dtype},
                   at),
          nn::BatchNorm(graph, name + ".norm", out, {.dtype = dtype}, at)};
}

ResNet::ResNet(Graph &graph, const ResNetOptions &o, Location at)
    : stem(unit(graph, "stem", 3, o.width, 7, 2, o.dtype, at)),
      head(graph, "head", o.width << (std::max<size_t>(o.blocks.size(), 1) - 1), o.classes,
           {.dtype = o.dtype}, at) {
  if (o.blocks.empty()) throw Error("resnet: there are no stages", at);
  int64_t in = o.width;
  for (size_t stage = 0; stage < o.blocks.size(); ++stage) {
    const int64_t out = o.width << stage;
    for (int64_t i = 0; i < o.blocks[stage]; ++i) {
      const std::string name = "stage" + std::to_string(stage) + ".block" + std::to_string(i);
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      Block block{name, unit(graph, name + ".first", in, out, 3, stride, o.dtype, at),
                  unit(graph, name + ".second", out, out, 3, 1, o.dtype, at), std::nullopt};
      if (stride != 1 || in != out)
        block.shortcut = unit(graph, name + ".shortcut", in, out, 1, stride, o.dtype, at);
      blocks.push_back(std::move(block));
      in = out;
    }
  }
}

Tensor ResNet::operator()(Arg images, bool training) const {
  CallScope scope(images.at);
  Tensor h = relu(stem(images.tensor, training));
  h = nn::maxPool(h, {.window = {3, 3}, .strides = {2, 2}, .padding = {1, 1}});
  for (const Block &block : blocks) {
    CallScope inBlock(Location::current(), block.name);
    Tensor y = block.second(relu(block.first(h, training)), training);
    h = relu(y + (block.shortcut ? (*block.shortcut)(h, training) : h));
  }
  return head(nn::globalAvgPool(h));
}

} // namespace weir::models
