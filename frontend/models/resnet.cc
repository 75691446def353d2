#include "frontend/models/resnet.h"

#include <map>

namespace weir::models {

ResNetOptions resnet(int64_t depth, Location at) {
  static const std::map<int64_t, ResNetOptions> known = {
      {18, {.blocks = {2, 2, 2, 2}}},
      {34, {.blocks = {3, 4, 6, 3}}},
      {50, {.blocks = {3, 4, 6, 3}, .bottleneck = true}},
      {101, {.blocks = {3, 4, 23, 3}, .bottleneck = true}},
      {152, {.blocks = {3, 8, 36, 3}, .bottleneck = true}},
  };
  auto found = known.find(depth);
  if (found != known.end()) return found->second;
  throw Error(
      "resnet: the depth is " + std::to_string(depth) + ", but must be 18, 34, 50, 101 or 152", at);
}

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

ResNet::Block ResNet::block(Graph &graph, const std::string &name, int64_t in, int64_t width,
                            int64_t stride, const ResNetOptions &o, Location at) {
  auto add = [&](const char *part, int64_t from, int64_t to, int64_t window, int64_t step) {
    return unit(graph, name + part, from, to, window, step, o.dtype, at);
  };
  const int64_t out = o.bottleneck ? 4 * width : width;
  Block block{.name = name, .units = {}, .shortcut = {}};
  if (o.bottleneck)
    block.units = {add(".first", in, width, 1, 1), add(".second", width, width, 3, stride),
                   add(".third", width, out, 1, 1)};
  else
    block.units = {add(".first", in, width, 3, stride), add(".second", width, out, 3, 1)};
  if (stride != 1 || in != out) block.shortcut = add(".shortcut", in, out, 1, stride);
  return block;
}

ResNet::ResNet(Graph &graph, const ResNetOptions &o, Location at)
    : stem(unit(graph, "stem", 3, o.width, 7, 2, o.dtype, at)),
      head(graph, "head",
           (o.width << (std::max<size_t>(o.blocks.size(), 1) - 1)) * (o.bottleneck ? 4 : 1),
           o.classes, {.dtype = o.dtype}, at) {
  if (o.blocks.empty()) throw Error("resnet: there are no stages", at);
  int64_t in = o.width;
  for (size_t stage = 0; stage < o.blocks.size(); ++stage) {
    const int64_t width = o.width << stage;
    for (int64_t i = 0; i < o.blocks[stage]; ++i) {
      const std::string name = "stage" + std::to_string(stage) + ".block" + std::to_string(i);
      blocks.push_back(block(graph, name, in, width, stage > 0 && i == 0 ? 2 : 1, o, at));
      in = o.bottleneck ? 4 * width : width;
    }
  }
}

Tensor ResNet::operator()(Arg images, bool training) const {
  CallScope scope(images.at);
  Tensor h = relu(stem(images.tensor, training));
  h = nn::maxPool(h, {.window = {3, 3}, .strides = {2, 2}, .padding = {1, 1}});
  for (const Block &block : blocks) {
    CallScope inBlock(Location::current(), block.name);
    Tensor y = block.units[0](h, training);
    for (size_t i = 1; i < block.units.size(); ++i) y = block.units[i](relu(y), training);
    h = relu(y + (block.shortcut ? (*block.shortcut)(h, training) : h));
  }
  return head(nn::globalAvgPool(h));
}

Graph resnetForward(const ResNetOptions &model, int64_t batch, int64_t side, Location at) {
  CallScope scope(at);
  Graph graph;
  Tensor images = graph.input("images", model.dtype, {batch, 3, side, side});
  graph.output("logits", ResNet(graph, model)(images, /*training=*/false));
  return graph;
}

Graph resnetTraining(const ResNetOptions &model, int64_t batch, int64_t side,
                     const nn::Optimizer &optimizer, uint64_t seed, Location at) {
  CallScope scope(at);
  Graph graph(seed);
  Tensor images = graph.input("images", model.dtype, {batch, 3, side, side}),
         labels = graph.input("y", i32, {batch});
  Tensor logits = ResNet(graph, model)(images, /*training=*/true);
  Tensor loss = nn::crossEntropy(logits, labels);
  graph.output("loss", loss);
  graph.output("accuracy", nn::accuracy(logits, labels));
  nn::minimize(graph, loss, optimizer);
  return graph;
}

} // namespace weir::models
