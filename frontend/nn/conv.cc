#include "frontend/nn/conv.h"

#include "frontend/nn/need.h"

namespace weir::nn {
namespace {

/// He et al. 2015 for weights whose dim 0 is not summed over.
Array kaimingFilters(const TensorType &type, uint64_t key) {
  const int64_t count = type.shape[0];
  int64_t fanIn = 1;
  for (size_t i = 1; i < type.shape.size(); ++i) fanIn *= type.shape[i];
  return kaiming()({type.dtype, {fanIn, count}}, key).reshaped(type.shape);
}

int64_t entry(const Shape &list, size_t i, int64_t otherwise) {
  return list.empty() ? otherwise : list[i];
}

void requireEntries(const std::string &name, const Shape &window, const ConvLayerOptions &o,
                    Location at) {
  if (window.empty() || window.size() > 3)
    throw Error(name + ": " + std::to_string(window.size()) +
                    " spatial dims; convolutions have one to three",
                at);
  for (const auto &[what, list] :
       {std::pair{"strides", &o.strides}, std::pair{"padding", &o.padding},
        std::pair{"dilations", &o.dilations}})
    if (!list->empty() && list->size() != window.size())
      throw Error(name + ": " + what + " has " + std::to_string(list->size()) +
                      " entries, but the window has " + std::to_string(window.size()),
                  at);
}

int64_t dividedBy(const std::string &name, int64_t channels, int64_t groups, Location at) {
  if (groups >= 1 && channels % groups == 0) return channels / groups;
  throw Error(name + ": " + std::to_string(channels) + " channels do not divide into " +
                  std::to_string(groups) + " groups",
              at);
}

Tensor weights(Graph &graph, const std::string &name, int64_t first, int64_t second,
               const Shape &window, const ConvLayerOptions &o, Location at) {
  requireEntries(name, window, o, at);
  dividedBy(name, first, o.groups, at);
  Shape shape{first, dividedBy(name, second, o.groups, at)};
  shape.insert(shape.end(), window.begin(), window.end());
  return parameter(graph, name + ".weight", {o.dtype, shape},
                   o.weight ? o.weight : Initializer(kaimingFilters), at);
}

void requireIn(const char *name, const Tensor &x, int64_t channels, Location at) {
  if (x.dim(1) == channels) return;
  throw Error(std::string(name) + ": the input is " + x.type().str() + ", but must have " +
                  std::to_string(channels) + " channels",
              at, {noteOn(x, "the input")});
}

Tensor withBias(const Tensor &y, const Tensor &bias) {
  return bias.empty() ? y : y + reshape(bias, channelShape(bias.dim(0), y.rank()));
}

} // namespace

Conv::Conv(Graph &graph, const std::string &name, int64_t in, int64_t out, Shape window,
           ConvLayerOptions options, Location at)
    : name(name), weight(weights(graph, name, out, in, window, options, at)),
      window(std::move(window)), options(std::move(options)) {
  if (this->options.bias)
    bias = parameter(graph, name + ".bias", {this->options.dtype, {out}}, zeros(), at);
}

Tensor Conv::operator()(Arg x) const {
  CallScope scope(x.at, name);
  const Tensor t = needImage("conv", x, static_cast<int64_t>(window.size()));
  requireIn("conv", t, weight.dim(1) * options.groups, x.at);
  const ConvolutionWindow w{
      options.strides, options.padding, options.padding, {}, options.dilations};
  return withBias(conv(t, weight, {.window = w, .groups = options.groups}), bias);
}

ConvTranspose::ConvTranspose(Graph &graph, const std::string &name, int64_t in, int64_t out,
                             Shape window, ConvLayerOptions options, Shape outputPadding,
                             Location at)
    : name(name), weight(weights(graph, name, in, out, window, options, at)),
      window(std::move(window)), outputPadding(std::move(outputPadding)),
      options(std::move(options)) {
  if (this->options.bias)
    bias = parameter(graph, name + ".bias", {this->options.dtype, {out}}, zeros(), at);
}

Tensor ConvTranspose::operator()(Arg x) const {
  CallScope scope(x.at, name);
  const auto spatial = static_cast<int64_t>(window.size());
  const Tensor t = needImage("convTranspose", x, spatial);
  requireIn("convTranspose", t, weight.dim(0), x.at);
  // The window turned around, and per group [in, out, ...] as [out, in, ...].
  const int64_t groups = options.groups;
  std::vector<int64_t> order{0, 2, 1}, dims;
  Shape split{groups, weight.dim(0) / groups, weight.dim(1)},
      filters{weight.dim(1) * groups, weight.dim(0) / groups};
  ConvolutionWindow w{{}, {}, {}, options.strides, options.dilations};
  for (int64_t d = 0; d < spatial; ++d) {
    const auto i = static_cast<size_t>(d);
    order.push_back(3 + d);
    dims.push_back(2 + d);
    split.push_back(window[i]);
    filters.push_back(window[i]);
    const int64_t edge =
        (window[i] - 1) * entry(options.dilations, i, 1) - entry(options.padding, i, 0);
    w.low.push_back(edge);
    w.high.push_back(edge + entry(outputPadding, i, 0));
  }
  Tensor turned = transpose(reshape(reverse(weight, dims), split), order);
  return withBias(conv(t, reshape(turned, filters), {.window = w, .groups = groups}), bias);
}

} // namespace weir::nn
