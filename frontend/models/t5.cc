#include "frontend/models/t5.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace weir::models {

T5Options t5(const std::string &size, Location at) {
  static const std::map<std::string, T5Options> known = {
      {"small", {}},
      {"base", {.layers = 12, .heads = 12, .features = 768, .hidden = 3072}},
  };
  if (auto found = known.find(size); found != known.end()) return found->second;
  throw Error("t5: there is no size '" + size + "'; there are small and base", at);
}

int64_t relativeBucket(int64_t distance, bool bothWays, int64_t buckets, int64_t maxDistance) {
  int64_t first = 0;
  if (bothWays) {
    buckets /= 2;
    if (distance > 0) first = buckets;
  }
  const int64_t away = bothWays ? std::abs(distance) : std::max<int64_t>(-distance, 0);
  const int64_t exact = buckets / 2;
  if (away < exact) return first + away;
  // The small addition keeps powers of two where they are in exact arithmetic.
  const double share = std::log(static_cast<double>(away) / static_cast<double>(exact)) /
                       std::log(static_cast<double>(maxDistance) / static_cast<double>(exact));
  const auto step = static_cast<int64_t>(share * static_cast<double>(buckets - exact) + 1e-9);
  return first + std::min(exact + step, buckets - 1);
}

static TorchLinear linear(Graph &graph, const std::string &name, int64_t in, int64_t out,
                          double stddev, const T5Options &o, Location at) {
  return {graph, name, in, out, {.bias = false, .weight = nn::normal(stddev), .dtype = o.dtype},
          at};
}

T5::Attention T5::attention(Graph &graph, const std::string &name, const char *kind,
                            const T5Options &o, Location at) {
  const auto f = static_cast<double>(o.features);
  const int64_t inner = o.heads * o.headFeatures;
  auto part = [&](const char *which, int64_t in, int64_t out, double variance) {
    return linear(graph, name + "." + kind + "." + which, in, out, std::sqrt(variance), o, at);
  };
  return {TorchRmsNorm(graph, name + ".layer_norm", o.features, 1e-6, o.dtype, at),
          part("q", o.features, inner, 1 / (f * static_cast<double>(o.headFeatures))),
          part("k", o.features, inner, 1 / f), part("v", o.features, inner, 1 / f),
          part("o", inner, o.features, 1 / static_cast<double>(inner))};
}

T5::Stack T5::stack(Graph &graph, const std::string &name, bool isDecoder, const T5Options &o,
                    Location at) {
  const double f = static_cast<double>(o.features), hidden = static_cast<double>(o.hidden);
  std::vector<Layer> layers;
  for (int64_t i = 0; i < o.layers; ++i) {
    const std::string block = name + ".block." + std::to_string(i) + ".layer.";
    Attention self = attention(graph, block + "0", "SelfAttention", o, at);
    std::optional<Attention> cross;
    if (isDecoder) cross = attention(graph, block + "1", "EncDecAttention", o, at);
    const std::string last = block + (isDecoder ? "2" : "1");
    layers.push_back(
        {std::move(self), std::move(cross),
         TorchRmsNorm(graph, last + ".layer_norm", o.features, 1e-6, o.dtype, at),
         linear(graph, last + ".DenseReluDense.wi", o.features, o.hidden, 1 / std::sqrt(f), o, at),
         linear(graph, last + ".DenseReluDense.wo", o.hidden, o.features, 1 / std::sqrt(hidden), o,
                at)});
  }
  return {std::move(layers),
          nn::Embedding(graph, name + ".block.0.layer.0.SelfAttention.relative_attention_bias",
                        o.buckets, o.heads, {nn::normal(1 / std::sqrt(f)), o.dtype}, at),
          TorchRmsNorm(graph, name + ".final_layer_norm", o.features, 1e-6, o.dtype, at)};
}

T5::T5(Graph &graph, const T5Options &o, Location at)
    : options(o), shared(graph, "shared", o.vocabulary, o.features, {nn::normal(1), o.dtype}, at),
      encoder(stack(graph, "encoder", /*isDecoder=*/false, o, at)),
      decoder(stack(graph, "decoder", /*isDecoder=*/true, o, at)) {}

Tensor T5::positionBias(const Stack &stack, int64_t t, bool bothWays) const {
  std::vector<int32_t> buckets;
  for (int64_t query = 0; query < t; ++query)
    for (int64_t key = 0; key < t; ++key)
      buckets.push_back(static_cast<int32_t>(
          relativeBucket(key - query, bothWays, options.buckets, options.maxDistance)));
  Graph graph = stack.relative.weight.graph();
  const Tensor bias = stack.relative(graph.constant(Array::from<int32_t>({t, t}, buckets)));
  return expandDims(transpose(bias, {2, 0, 1}), 0);
}

Tensor T5::attend(const Attention &a, const Tensor &x, const Tensor &memory,
                  const Tensor &bias) const {
  auto heads = [&](const TorchLinear &part, const Tensor &of) {
    return splitHeads(part(of), options.heads);
  };
  // The scale 1/sqrt(d) is in the initial values of the queries.
  return a.out(joinHeads(nn::biasedAttention(heads(a.query, x), heads(a.key, memory),
                                             heads(a.value, memory), bias, 1)));
}

Tensor T5::feedForward(const Layer &layer, const Tensor &x) const {
  return x + layer.down(relu(layer.up(layer.norm(x))));
}

/// [b, 1, 1, t]: 0 where mask is 1, else a large negative number.
static Tensor maskBias(const Tensor &mask, DType dtype) {
  return (convert(reshape(mask, {mask.dim(0), 1, 1, mask.dim(1)}), dtype) - 1.0) * 1e9;
}

Tensor T5::encode(Arg ids, Arg mask) const {
  CallScope scope(ids.at);
  Tensor h = shared(ids);
  const Tensor bias =
      positionBias(encoder, h.dim(1), /*bothWays=*/true) + maskBias(mask.tensor, options.dtype);
  for (size_t i = 0; i < encoder.layers.size(); ++i) {
    const Layer &layer = encoder.layers[i];
    CallScope inBlock(Location::current(), "encoder.block." + std::to_string(i));
    const Tensor x = layer.self.norm(h);
    h = feedForward(layer, h + attend(layer.self, x, x, bias));
  }
  return encoder.norm(h);
}

Tensor T5::decode(Arg targets, Arg encoded, Arg mask) const {
  CallScope scope(targets.at);
  Tensor h = shared(targets);
  Graph graph = h.graph();
  const Shape square{h.dim(1), h.dim(1)};
  const Tensor bias = select(graph.iota(i32, square, 1) <= graph.iota(i32, square, 0),
                             positionBias(decoder, h.dim(1), /*bothWays=*/false), -1e9);
  const Tensor memoryBias = maskBias(mask.tensor, options.dtype);
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    const Layer &layer = decoder.layers[i];
    CallScope inBlock(Location::current(), "decoder.block." + std::to_string(i));
    const Tensor x = layer.self.norm(h);
    h = h + attend(layer.self, x, x, bias);
    h = h + attend(*layer.cross, layer.cross->norm(h), encoded.tensor, memoryBias);
    h = feedForward(layer, h);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(options.features));
  return timesTransposed(decoder.norm(h) * scale, shared.weight);
}

namespace {

/// Declares the inputs and returns the logits.
Tensor logitsOf(Graph &graph, const T5Options &model, int64_t batch, int64_t length,
                int64_t targetLength) {
  Tensor ids = graph.input("input_ids", i32, {batch, length}),
         mask = graph.input("attention_mask", i32, {batch, length}),
         targets = graph.input("decoder_input_ids", i32, {batch, targetLength});
  T5 net(graph, model);
  return net.decode(targets, net.encode(ids, mask), mask);
}

} // namespace

Graph t5Forward(const T5Options &model, int64_t batch, int64_t length, int64_t targetLength,
                Location at) {
  CallScope scope(at);
  Graph graph;
  graph.output("logits", logitsOf(graph, model, batch, length, targetLength));
  return graph;
}

Graph t5Training(const T5Options &model, int64_t batch, int64_t length, int64_t targetLength,
                 const nn::Optimizer &optimizer, uint64_t seed, Location at) {
  CallScope scope(at);
  Graph graph(seed);
  Tensor logits = logitsOf(graph, model, batch, length, targetLength);
  Tensor loss = nn::crossEntropy(logits, graph.input("labels", i32, {batch, targetLength}));
  graph.output("loss", loss);
  nn::minimize(graph, loss, optimizer);
  return graph;
}

} // namespace weir::models
