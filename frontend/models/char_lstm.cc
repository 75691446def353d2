#include "frontend/models/char_lstm.h"

#include "frontend/models/char_graphs.h"

namespace weir::models {

CharLstm::CharLstm(Graph &graph, const CharLstmOptions &o, Location at)
    : tokenTable(graph, "token", o.vocabulary, o.features, {nn::normal(0.1), o.dtype}, at),
      head(graph, "head", o.features, o.vocabulary, {.dtype = o.dtype}, at) {
  for (int64_t i = 0; i < o.layers; ++i) {
    nn::LstmOptions options;
    options.dtype = o.dtype;
    layers.emplace_back(graph, "lstm" + std::to_string(i), o.features, o.features, options, at);
  }
}

Tensor CharLstm::operator()(Arg tokens) const {
  CallScope scope(tokens.at);
  if (tokens.tensor.rank(tokens.at) != 2)
    throw Error("char lstm: tokens are " + tokens.tensor.type().str() + ", but must be [b, t]",
                tokens.at, {noteOn(tokens.tensor, "tokens")});
  Tensor h = tokenTable(tokens.tensor);
  for (const nn::Lstm &layer : layers) h = layer(h).outputs;
  return head(h);
}

Graph charLstmTraining(const CharLstmOptions &model, const CharLstmTraining &training,
                       uint64_t seed, Location at) {
  CallScope scope(at);
  Graph graph(seed);
  const Shape shape{training.batch, model.context};
  Tensor tokens = graph.input("tokens", i32, shape), targets = graph.input("targets", i32, shape);
  CharLstm lstm(graph, model);
  Tensor loss = nn::crossEntropy(lstm(tokens), targets);
  graph.output("loss", loss);
  nn::Optimizer optimizer = nn::adam(
      nn::warmupCosine(training.peakRate, training.warmup, training.steps, training.floorRate));
  if (training.clip > 0) optimizer = optimizer.clipped(training.clip);
  if (training.lossScale) optimizer = optimizer.scaled(*training.lossScale);
  nn::minimize(graph, loss, optimizer);
  return graph;
}

Graph charLstmEvaluation(const CharLstmOptions &model, int64_t batch, Location at) {
  return windowLosses<CharLstm>(model, batch, at);
}

Graph charLstmSampling(const CharLstmOptions &model, Location at) {
  return nextLogits<CharLstm>(model, at);
}

} // namespace weir::models
