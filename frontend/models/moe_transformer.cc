#include "frontend/models/moe_transformer.h"

#include "frontend/models/torch_parts.h"
#include "frontend/nn/blocked_attention.h"

#include <map>

namespace weir::models {

MoeTransformerOptions moeTransformer(const std::string &size, Location at) {
  static const std::map<std::string, MoeTransformerOptions> known = {
      {"tiny", {}},
      {"8x7b", {.layers = 32, .heads = 32, .keyHeads = 8, .features = 4096, .hidden = 14336}},
  };
  if (auto found = known.find(size); found != known.end()) return found->second;
  throw Error("moe: there is no size '" + size + "'; there are tiny and 8x7b", at);
}

MoeTransformer::MoeTransformer(Graph &graph, const MoeTransformerOptions &o, Location at)
    : options(o), tokens(graph, "token", o.vocabulary, o.features, {.dtype = o.dtype}, at),
      norm(graph, "norm", o.features, 1e-5, o.dtype, at),
      head(graph, "head", o.features, o.vocabulary,
           {.bias = false, .weight = nn::normal(0.02), .dtype = o.dtype}, at) {
  if (o.heads < 1 || o.keyHeads < 1 || o.features % o.heads || o.heads % o.keyHeads)
    throw Error("moe transformer: " + std::to_string(o.features) + " features, " +
                    std::to_string(o.heads) + " heads and " + std::to_string(o.keyHeads) +
                    " key heads do not divide",
                at);
  const int64_t f = o.features, keys = f / o.heads * o.keyHeads;
  const nn::MoeOptions moe{.topK = o.topK,
                           .capacityFactor = o.capacityFactor,
                           .activation = nn::Activation::Silu,
                           .bias = false,
                           .gated = true,
                           .weight = nn::normal(0.02),
                           .dtype = o.dtype};
  for (int64_t i = 0; i < o.layers; ++i) {
    const std::string name = "layer" + std::to_string(i);
    auto linear = [&](const char *part, int64_t out) {
      return nn::Linear(graph, name + part, f, out,
                        {.bias = false, .weight = nn::normal(0.02), .dtype = o.dtype}, at);
    };
    layers.push_back({nn::RmsNorm(graph, name + ".norm1", f, 1e-5, o.dtype, at),
                      linear(".query", f), linear(".key", keys), linear(".value", keys),
                      linear(".out", f), nn::RmsNorm(graph, name + ".norm2", f, 1e-5, o.dtype, at),
                      nn::Moe(graph, name + ".moe", f, o.hidden, o.experts, moe, at)});
  }
}

/// Each of the key heads for `times` query heads: [b, k, t, d] -> [b, k · times, t, d].
static Tensor repeatHeads(const Tensor &x, int64_t times) {
  const Shape &s = x.shape();
  return reshape(broadcast(x, {s[0], s[1], times, s[2], s[3]}, {0, 1, 3, 4}),
                 {s[0], s[1] * times, s[2], s[3]});
}

Tensor MoeTransformer::attend(const Layer &layer, const Tensor &x) const {
  const int64_t times = options.heads / options.keyHeads;
  const Tensor q = nn::rotary(splitHeads(layer.query(x), options.heads), options.rotaryBase),
               k = nn::rotary(splitHeads(layer.key(x), options.keyHeads), options.rotaryBase),
               v = splitHeads(layer.value(x), options.keyHeads);
  return layer.out(joinHeads(
      nn::selfAttention(q, repeatHeads(k, times), repeatHeads(v, times), /*causal=*/true)));
}

MoeTransformer::Result MoeTransformer::operator()(Arg ids) const {
  CallScope scope(ids.at);
  Tensor h = tokens(ids), balance = h.graph().scalar(0, options.dtype == f64 ? f64 : f32);
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer &layer = layers[i];
    CallScope inLayer(Location::current(), "layer" + std::to_string(i));
    h = h + attend(layer, layer.norm1(h));
    nn::Moe::Result mixed = layer.moe(layer.norm2(h));
    h = h + mixed.output;
    balance = balance + mixed.balanceLoss;
  }
  return {head(norm(h)), balance * (1.0 / static_cast<double>(std::max<size_t>(layers.size(), 1)))};
}

Graph moeTransformerForward(const MoeTransformerOptions &model, int64_t batch, int64_t length,
                            Location at) {
  CallScope scope(at);
  Graph graph;
  Tensor tokens = graph.input("tokens", i32, {batch, length});
  graph.output("logits", MoeTransformer(graph, model)(tokens).logits);
  return graph;
}

Graph moeTransformerTraining(const MoeTransformerOptions &model, int64_t batch, int64_t length,
                             const nn::Optimizer &optimizer, uint64_t seed, Location at) {
  CallScope scope(at);
  Graph graph(seed);
  Tensor tokens = graph.input("tokens", i32, {batch, length}),
         targets = graph.input("targets", i32, {batch, length});
  MoeTransformer::Result result = MoeTransformer(graph, model)(tokens);
  Tensor loss = nn::crossEntropy(result.logits, targets);
  graph.output("loss", loss);
  graph.output("balance_loss", result.balanceLoss);
  nn::minimize(graph, loss + result.balanceLoss * 0.02, optimizer);
  return graph;
}

} // namespace weir::models
