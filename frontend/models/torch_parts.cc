#include "frontend/models/torch_parts.h"

#include "frontend/nn/norms.h"

namespace weir::models {

TorchLinear::TorchLinear(Graph &graph, const std::string &name, int64_t in, int64_t out,
                         nn::LinearOptions options, Location at)
    : weight(
          nn::parameter(graph, name + ".weight", {options.dtype, {out, in}}, options.weight, at)) {
  if (options.bias)
    bias = nn::parameter(graph, name + ".bias", {options.dtype, {out}}, nn::zeros(), at);
}

Tensor TorchLinear::operator()(Arg x) const {
  CallScope scope(x.at);
  const Tensor y = timesTransposed(x.tensor, weight);
  return bias.empty() ? y : y + bias;
}

TorchLayerNorm::TorchLayerNorm(Graph &graph, const std::string &name, int64_t features,
                               double epsilon, DType dtype, Location at)
    : weight(nn::parameter(graph, name + ".weight", {dtype, {features}}, nn::ones(), at)),
      bias(nn::parameter(graph, name + ".bias", {dtype, {features}}, nn::zeros(), at)),
      epsilon(epsilon) {}

Tensor TorchLayerNorm::operator()(Arg x) const {
  CallScope scope(x.at);
  return nn::layerNorm(x, weight, bias, epsilon);
}

TorchRmsNorm::TorchRmsNorm(Graph &graph, const std::string &name, int64_t features, double epsilon,
                           DType dtype, Location at)
    : weight(nn::parameter(graph, name + ".weight", {dtype, {features}}, nn::ones(), at)),
      epsilon(epsilon) {}

Tensor TorchRmsNorm::operator()(Arg x) const {
  CallScope scope(x.at);
  return nn::rmsNorm(x, weight, epsilon);
}

Tensor timesTransposed(const Tensor &x, const Tensor &table) {
  return dot(x, table, {{}, {}, {x.rank() - 1}, {1}});
}

Tensor splitHeads(const Tensor &x, int64_t heads) {
  const int64_t b = x.dim(0), t = x.dim(1), features = x.dim(2);
  return transpose(reshape(x, {b, t, heads, features / heads}), {0, 2, 1, 3});
}

Tensor joinHeads(const Tensor &x) {
  const int64_t b = x.dim(0), heads = x.dim(1), t = x.dim(2), d = x.dim(3);
  return reshape(transpose(x, {0, 2, 1, 3}), {b, t, heads * d});
}

} // namespace weir::models
