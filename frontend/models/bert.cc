#include "frontend/models/bert.h"

#include <cmath>
#include <map>

namespace weir::models {
namespace {

constexpr double kEpsilon = 1e-12;

nn::LinearOptions dense(const BertOptions &o) {
  return {.weight = nn::normal(0.02), .dtype = o.dtype};
}

} // namespace

BertOptions bert(const std::string &size, Location at) {
  static const std::map<std::string, BertOptions> known = {
      {"base", {}},
      {"large", {.layers = 24, .heads = 16, .features = 1024, .hidden = 4096}},
      {"minilm", {.layers = 6, .heads = 12, .features = 384, .hidden = 1536}},
  };
  if (auto found = known.find(size); found != known.end()) return found->second;
  throw Error("bert: there is no size '" + size + "'; there are base, large and minilm", at);
}

Bert::Bert(Graph &graph, const BertOptions &o, Location at)
    : options(o),
      words(graph, "embeddings.word_embeddings", o.vocabulary, o.features, {.dtype = o.dtype}, at),
      positions(graph, "embeddings.position_embeddings", o.context, o.features, {.dtype = o.dtype},
                at),
      types(graph, "embeddings.token_type_embeddings", o.types, o.features, {.dtype = o.dtype}, at),
      norm(graph, "embeddings.LayerNorm", o.features, kEpsilon, o.dtype, at),
      pooler(graph, "pooler.dense", o.features, o.features, dense(o), at) {
  if (o.heads < 1 || o.features % o.heads)
    throw Error("bert: " + std::to_string(o.features) + " features do not divide into " +
                    std::to_string(o.heads) + " heads",
                at);
  for (int64_t i = 0; i < o.layers; ++i) {
    const std::string name = "encoder.layer." + std::to_string(i);
    auto linear = [&](const char *part, int64_t in, int64_t out) {
      return TorchLinear(graph, name + part, in, out, dense(o), at);
    };
    auto layerNorm = [&](const char *part) {
      return TorchLayerNorm(graph, name + part, o.features, kEpsilon, o.dtype, at);
    };
    layers.push_back({linear(".attention.self.query", o.features, o.features),
                      linear(".attention.self.key", o.features, o.features),
                      linear(".attention.self.value", o.features, o.features),
                      linear(".attention.output.dense", o.features, o.features),
                      layerNorm(".attention.output.LayerNorm"),
                      linear(".intermediate.dense", o.features, o.hidden),
                      linear(".output.dense", o.hidden, o.features),
                      layerNorm(".output.LayerNorm")});
  }
}

Tensor Bert::operator()(Arg ids, Arg mask, Arg kinds) const {
  CallScope scope(ids.at);
  const Shape &shape = ids.tensor.shape(ids.at);
  if (shape.size() != 2 || shape[1] > options.context)
    throw Error("bert: ids are " + ids.tensor.type().str() +
                    ", but must be [b, t] with t <= " + std::to_string(options.context),
                ids.at);
  Tensor h = norm(words(ids) + types(kinds) + sliceDim(positions.weight, 0, 0, shape[1]));
  const Tensor bias =
      (convert(reshape(mask, {shape[0], 1, 1, shape[1]}), options.dtype) - 1.0) * 10000.0;
  const double scale = 1 / std::sqrt(static_cast<double>(options.features / options.heads));
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer &layer = layers[i];
    CallScope inLayer(Location::current(), "encoder.layer." + std::to_string(i));
    auto heads = [&](const TorchLinear &linear) { return splitHeads(linear(h), options.heads); };
    const Tensor mixed =
        nn::biasedAttention(heads(layer.query), heads(layer.key), heads(layer.value), bias, scale);
    h = layer.norm1(layer.out(joinHeads(mixed)) + h);
    h = layer.norm2(layer.down(nn::gelu(layer.up(h), nn::GeluForm::Erf)) + h);
  }
  return h;
}

Tensor Bert::pooled(Arg hidden) const {
  CallScope scope(hidden.at);
  return tanh(pooler(squeeze(sliceDim(hidden, 1, 0, 1), 1)));
}

Tensor sentenceEmbedding(Arg hidden, Arg mask) {
  CallScope scope(hidden.at);
  const Tensor h = hidden.tensor;
  const Tensor kept = expandDims(convert(mask, h.dtype()), -1);
  const Tensor mean = sum(h * kept, 1) / sum(kept, 1);
  return mean / sqrt(sum(square(mean), -1, true));
}

Graph bertForward(const BertOptions &model, int64_t batch, int64_t length, Location at) {
  CallScope scope(at);
  Graph graph;
  const Shape shape{batch, length};
  Tensor ids = graph.input("input_ids", i32, shape),
         mask = graph.input("attention_mask", i32, shape),
         types = graph.input("token_type_ids", i32, shape);
  Bert encoder(graph, model);
  Tensor hidden = encoder(ids, mask, types);
  graph.output("last_hidden", hidden);
  graph.output("pooled", encoder.pooled(hidden));
  graph.output("embedding", sentenceEmbedding(hidden, mask));
  return graph;
}

} // namespace weir::models
