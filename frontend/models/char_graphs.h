// Graphs that models of text share. A model is `Model(graph, options)` and gives logits
// [b, t, vocabulary] for tokens i32[b, t]; its options have a vocabulary and a context.
#pragma once

#include "frontend/nn/layers.h"

namespace weir::models {

/// Inputs "tokens", "targets" i32[batch, context]; output "losses" f32[batch], the mean of each
/// window.
template <typename Model, typename Options>
Graph windowLosses(const Options &options, int64_t batch, Location at) {
  CallScope scope(at);
  Graph graph;
  const Shape shape{batch, options.context};
  Tensor tokens = graph.input("tokens", i32, shape), targets = graph.input("targets", i32, shape);
  Model model(graph, options);
  graph.output("losses", mean(nn::crossEntropyEach(model(tokens), targets), -1));
  return graph;
}

/// Inputs "tokens" i32[1, context], "position" i32[]; output "logits" [vocabulary] for the token
/// after `position`.
template <typename Model, typename Options> Graph nextLogits(const Options &options, Location at) {
  CallScope scope(at);
  Graph graph;
  Tensor tokens = graph.input("tokens", i32, {1, options.context}),
         position = graph.input("position", i32, {});
  Model model(graph, options);
  Tensor logits = dynamicSlice(model(tokens), {0, position, 0}, {1, 1, options.vocabulary});
  graph.output("logits", reshape(logits, {options.vocabulary}));
  return graph;
}

/// Inputs "tokens" i32[batch, length], "start" i32[], "last" i32[] (for length > 1); output
/// "logits" [batch, vocabulary] after token `last` of these, from a model that extends a cache.
template <typename Model, typename Options>
Graph extension(const Options &options, int64_t batch, int64_t length, Location at) {
  CallScope scope(at);
  Graph graph;
  Tensor tokens = graph.input("tokens", i32, {batch, length}),
         start = graph.input("start", i32, {});
  Model model(graph, options);
  Tensor hidden = model.extend(tokens, start);
  if (length > 1)
    hidden =
        dynamicSlice(hidden, {0, graph.input("last", i32, {}), 0}, {batch, 1, options.features});
  graph.output("logits", reshape(model.logits(hidden), {batch, options.vocabulary}));
  return graph;
}

} // namespace weir::models
