#include "frontend/models/lenet.h"

namespace weir::models {
namespace {

const LeNetOptions &checked(const LeNetOptions &o, Location at) {
  if (o.side >= 16 && o.side % 4 == 0) return o;
  throw Error("lenet: images have side " + std::to_string(o.side) +
                  ", but it must be a multiple of 4, at least 16",
              at);
}

/// Of the maps before the dense layers: a quarter, less the border of the second convolution.
int64_t lastSide(const LeNetOptions &o) {
  return (o.side / 2 - 4) / 2;
}

struct Parts {
  Graph graph;
  Tensor loss, logits;
};

Parts build(const LeNetOptions &model, uint64_t seed) {
  Graph graph(seed);
  Tensor x = graph.input("x", model.dtype, {model.batch, model.side * model.side});
  Tensor y = graph.input("y", i32, {model.batch});
  LeNet net(graph, model);
  Tensor logits = net(x), loss = nn::crossEntropy(logits, y);
  graph.output("loss", loss);
  graph.output("accuracy", nn::accuracy(logits, y));
  return {graph, loss, logits};
}

} // namespace

LeNet::LeNet(Graph &graph, const LeNetOptions &o, Location at)
    : options(checked(o, at)),
      conv1(graph, "conv1", 1, 6, {5, 5}, {.padding = {2, 2}, .dtype = o.dtype}, at),
      conv2(graph, "conv2", 6, 16, {5, 5}, {.dtype = o.dtype}, at),
      dense(graph, "dense", {16 * lastSide(o) * lastSide(o), 120, 84, o.classes},
            {.dtype = o.dtype}, at) {}

Tensor LeNet::operator()(Arg x) const {
  CallScope scope(x.at);
  const int64_t side = options.side;
  const Shape &shape = x.tensor.shape(x.at);
  if (shape.size() != 2 || shape[1] != side * side)
    throw Error("lenet: the input is " + x.tensor.type().str() + ", but must be [b, " +
                    std::to_string(side * side) + "]",
                x.at, {noteOn(x.tensor, "the input")});
  Tensor h = reshape(x.tensor, {shape[0], 1, side, side});
  h = nn::maxPool(relu(conv1(h)), {.window = {2, 2}});
  h = nn::maxPool(relu(conv2(h)), {.window = {2, 2}});
  return dense(reshape(h, {shape[0], -1}));
}

Graph lenetTraining(const LeNetOptions &model, const nn::Optimizer &optimizer, uint64_t seed,
                    Location at) {
  CallScope scope(at);
  Parts parts = build(model, seed);
  nn::minimize(parts.graph, parts.loss, optimizer);
  return parts.graph;
}

Graph lenetEvaluation(const LeNetOptions &model, Location at) {
  CallScope scope(at);
  Parts parts = build(model, 0);
  parts.graph.output("logits", parts.logits);
  return parts.graph;
}

} // namespace weir::models
