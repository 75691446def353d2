#include "frontend/models/mlp.h"

namespace weir::models {
namespace {

struct Parts {
  Graph graph;
  Tensor loss, logits;
};

Parts build(const MlpClassifier &model, uint64_t seed) {
  Graph graph(seed);
  if (model.sizes.size() < 2)
    throw Error("mlp: " + std::to_string(model.sizes.size()) +
                    " sizes; at least input and output are needed",
                Location::current());
  Tensor x = graph.input("x", f32, {model.batch, model.sizes.front()});
  Tensor y = graph.input("y", i32, {model.batch});
  nn::Mlp mlp(graph, "mlp", model.sizes);
  Tensor logits = mlp(x), loss = nn::crossEntropy(logits, y);
  graph.output("loss", loss);
  graph.output("accuracy", nn::accuracy(logits, y));
  return {graph, loss, logits};
}

} // namespace

Graph mlpTraining(const MlpClassifier &model, const nn::Optimizer &optimizer, uint64_t seed,
                  Location at) {
  CallScope scope(at);
  Parts parts = build(model, seed);
  nn::minimize(parts.graph, parts.loss, optimizer);
  return parts.graph;
}

Graph mlpEvaluation(const MlpClassifier &model, Location at) {
  CallScope scope(at);
  Parts parts = build(model, 0);
  parts.graph.output("logits", parts.logits);
  return parts.graph;
}

} // namespace weir::models
