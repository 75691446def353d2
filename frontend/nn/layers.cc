#include "frontend/nn/layers.h"

#include "frontend/data/philox.h"
#include "frontend/nn/blocked_attention.h"

namespace weir::nn {
namespace {

void requireLastDim(const char *layer, const Arg &x, int64_t size) {
  if (x.kind != Arg::IsTensor) throw Error(std::string(layer) + ": the input is a number", x.at);
  const TensorType &type = x.tensor.type(x.at);
  if (type.shape.empty() || type.shape.back() != size)
    throw Error(std::string(layer) + ": the input is " + type.str() +
                    ", but its last dim must be " + std::to_string(size),
                x.at, {noteOn(x.tensor, "the input")});
}

} // namespace

Tensor activate(Activation activation, const Tensor &x) {
  switch (activation) {
  case Activation::Relu:
    return relu(x);
  case Activation::Gelu:
    return gelu(x);
  case Activation::Tanh:
    return tanh(x);
  case Activation::Logistic:
    return logistic(x);
  case Activation::Silu:
    return x * logistic(x);
  }
  return x;
}

Linear::Linear(Graph &graph, const std::string &name, int64_t in, int64_t out,
               LinearOptions options, Location at)
    : name(name),
      weight(parameter(graph, name + ".weight", {options.dtype, {in, out}}, options.weight, at)) {
  if (options.bias) bias = parameter(graph, name + ".bias", {options.dtype, {out}}, zeros(), at);
}

Tensor Linear::operator()(Arg x) const {
  CallScope scope(x.at, name);
  requireLastDim("linear", x, weight.dim(0));
  Tensor y = matmul(x.tensor, weight);
  return bias.empty() ? y : y + bias;
}

Embedding::Embedding(Graph &graph, const std::string &name, int64_t count, int64_t features,
                     EmbeddingOptions options, Location at)
    : name(name), weight(parameter(graph, name + ".weight", {options.dtype, {count, features}},
                                   options.weight, at)) {}

Tensor Embedding::operator()(Arg indices) const {
  CallScope scope(indices.at, name);
  return take(weight, indices);
}

LayerNorm::LayerNorm(Graph &graph, const std::string &name, int64_t features, double epsilon,
                     DType dtype, Location at)
    : name(name), scale(parameter(graph, name + ".scale", {dtype, {features}}, ones(), at)),
      shift(parameter(graph, name + ".shift", {dtype, {features}}, zeros(), at)), epsilon(epsilon) {
}

Tensor LayerNorm::operator()(Arg x) const {
  CallScope scope(x.at, name);
  requireLastDim("layerNorm", x, scale.dim(0));
  return layerNorm(x.tensor, scale, shift, epsilon);
}

static int64_t checkHeads(int64_t features, int64_t heads, Location at) {
  if (heads >= 1 && features % heads == 0) return features;
  throw Error("attention: " + std::to_string(features) + " features do not divide into " +
                  std::to_string(heads) + " heads",
              at);
}

Attention::Attention(Graph &graph, const std::string &name, int64_t features, int64_t heads,
                     AttentionOptions options, Location at)
    : name(name), qkv(graph, name + ".qkv", checkHeads(features, heads, at), 3 * features,
                      {.bias = options.bias, .weight = options.weight, .dtype = options.dtype}, at),
      out(graph, name + ".out", features, features,
          {.bias = options.bias, .weight = options.outWeight, .dtype = options.dtype}, at),
      heads(heads), causal(options.causal) {}

Tensor Attention::operator()(Arg x) const {
  CallScope scope(x.at, name);
  requireLastDim("attention", x, qkv.weight.dim(0));
  if (x.tensor.rank() != 3)
    throw Error("attention: the input is " + x.tensor.type().str() +
                    ", but must be [b, t, features]",
                x.at, {noteOn(x.tensor, "the input")});
  const int64_t b = x.tensor.dim(0), t = x.tensor.dim(1), features = x.tensor.dim(2);
  auto split = [&](const Tensor &y) {
    return transpose(reshape(y, {b, t, heads, features / heads}), {0, 2, 1, 3});
  };
  std::vector<Tensor> parts = weir::split(qkv(x.tensor), 3);
  const Tensor mixed = selfAttention(split(parts[0]), split(parts[1]), split(parts[2]), causal);
  return out(reshape(transpose(mixed, {0, 2, 1, 3}), {b, t, features}));
}

Mlp::Mlp(Graph &graph, const std::string &name, const std::vector<int64_t> &sizes,
         MlpOptions options, Location at)
    : name(name), activation(options.activation) {
  if (sizes.size() < 2)
    throw Error("mlp: " + std::to_string(sizes.size()) +
                    " sizes; at least input and output are needed",
                at);
  for (size_t i = 0; i + 1 < sizes.size(); ++i)
    layers.emplace_back(graph, name + "." + std::to_string(i), sizes[i], sizes[i + 1],
                        LinearOptions{.weight = options.weight, .dtype = options.dtype}, at);
}

Tensor Mlp::operator()(Arg x) const {
  CallScope scope(x.at, name);
  Tensor h = layers[0](x);
  for (size_t i = 1; i < layers.size(); ++i) h = layers[i](activate(activation, h));
  return h;
}

RandomKeys::RandomKeys(Graph &graph, const std::string &name, Location at)
    : runs(graph.variable(name + ".runs", Array::scalar<int32_t>(0), false, at)),
      stream(static_cast<uint32_t>(data::streamKey(graph.seed(), name))) {
  CallScope scope(at);
  graph.assign(runs, runs + 1);
}

Tensor RandomKeys::next(Location at) {
  CallScope scope(at);
  Graph graph = runs.graph();
  // The stream number is hashed so that neighbouring streams have unrelated keys; the run is the
  // other word.
  const auto word = static_cast<uint32_t>(data::streamKey(stream++, "key"));
  Tensor constant = graph.constant(Array::from<int32_t>({1}, {static_cast<int32_t>(word)}));
  return concatenate({constant, reshape(runs, {1})}, 0);
}

} // namespace weir::nn
