#include "frontend/nn/norms.h"

#include "frontend/api/ops.h"
#include "frontend/nn/need.h"

#include <algorithm>

namespace weir::nn {
namespace {

void requireChannels(const char *name, const Tensor &x, const Tensor &parameter, Location at) {
  if (parameter.shape() == Shape{x.dim(1)}) return;
  throw Error(std::string(name) + ": the input is " + x.type().str() +
                  ", so its parameters must be [" + std::to_string(x.dim(1)) + "], not " +
                  parameter.type().str(),
              at, {noteOn(x, "the input"), noteOn(parameter, "a parameter")});
}

/// A parameter [channels] against x.
Tensor along(const char *name, const Arg &parameter, const Tensor &x) {
  const Tensor p = need(name, parameter);
  requireChannels(name, x, p, parameter.at);
  return reshape(p, channelShape(x.dim(1), x.rank()));
}

} // namespace

Tensor rmsNorm(Arg x, Arg scale, double epsilon) {
  CallScope scope(x.at);
  const Tensor t = need("rmsNorm", x);
  return t * rsqrt(mean(square(t), -1, true) + epsilon) * need("rmsNorm", scale);
}

Tensor groupNorm(Arg x, int64_t groups, Arg scale, Arg shift, double epsilon) {
  CallScope scope(x.at);
  const Tensor t = needImage("groupNorm", x);
  if (groups < 1 || t.dim(1) % groups)
    throw Error("groupNorm: " + std::to_string(t.dim(1)) + " channels do not divide into " +
                    std::to_string(groups) + " groups",
                x.at, {noteOn(t, "the input")});
  Tensor grouped = reshape(t, {t.dim(0), groups, -1});
  Tensor centred = grouped - mean(grouped, -1, true);
  Tensor normed = centred * rsqrt(mean(square(centred), -1, true) + epsilon);
  return reshape(normed, t.shape()) * along("groupNorm", scale, t) + along("groupNorm", shift, t);
}

Tensor batchNorm(Arg x, Arg mean, Arg variance, Arg scale, Arg shift, double epsilon) {
  CallScope scope(x.at);
  const Tensor t = needImage("batchNorm", x);
  Tensor factor = rsqrt(along("batchNorm", variance, t) + epsilon) * along("batchNorm", scale, t);
  return (t - along("batchNorm", mean, t)) * factor + along("batchNorm", shift, t);
}

RmsNorm::RmsNorm(Graph &graph, const std::string &name, int64_t features, double epsilon,
                 DType dtype, Location at)
    : name(name), scale(parameter(graph, name + ".scale", {dtype, {features}}, ones(), at)),
      epsilon(epsilon) {}

Tensor RmsNorm::operator()(Arg x) const {
  CallScope scope(x.at, name);
  return rmsNorm(x, scale, epsilon);
}

GroupNorm::GroupNorm(Graph &graph, const std::string &name, int64_t groups, int64_t channels,
                     double epsilon, DType dtype, Location at)
    : name(name), scale(parameter(graph, name + ".scale", {dtype, {channels}}, ones(), at)),
      shift(parameter(graph, name + ".shift", {dtype, {channels}}, zeros(), at)), groups(groups),
      epsilon(epsilon) {}

Tensor GroupNorm::operator()(Arg x) const {
  CallScope scope(x.at, name);
  return groupNorm(x, groups, scale, shift, epsilon);
}

BatchNorm::BatchNorm(Graph &graph, const std::string &name, int64_t channels,
                     BatchNormOptions options, Location at)
    : name(name), scale(parameter(graph, name + ".scale", {options.dtype, {channels}}, ones(), at)),
      shift(parameter(graph, name + ".shift", {options.dtype, {channels}}, zeros(), at)),
      options(options) {
  const TensorType type{options.dtype, {channels}};
  mean = graph.variable(name + ".mean", zeros()(type, 0), false, at);
  variance = graph.variable(name + ".variance", ones()(type, 0), false, at);
}

Tensor BatchNorm::operator()(Arg x, bool training) const {
  CallScope scope(x.at, name);
  const Tensor t = needImage("batchNorm", x);
  if (!training) return batchNorm(t, mean, variance, scale, shift, options.epsilon);
  requireChannels("batchNorm", t, scale, x.at);
  std::vector<int64_t> dims{0};
  for (int64_t d = 2; d < t.rank(); ++d) dims.push_back(d);
  Tensor batchMean = weir::mean(t, dims), batchVariance = weir::variance(t, dims);
  const double count = static_cast<double>(t.size()) / static_cast<double>(t.dim(1)),
               unbiased = count / std::max(1.0, count - 1), share = options.momentum;
  Graph graph = t.graph();
  graph.assign(mean, (1 - share) * mean + share * batchMean);
  graph.assign(variance, (1 - share) * variance + share * unbiased * batchVariance);
  return batchNorm(t, batchMean, batchVariance, scale, shift, options.epsilon);
}

} // namespace weir::nn
