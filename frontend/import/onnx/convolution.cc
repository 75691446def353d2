// Conv and ConvTranspose, and the windows that pooling has as well.
#include "frontend/import/onnx/windows.h"

#include "frontend/nn/functional.h"

#include <algorithm>

namespace weir::onnx {

Shape entries(Node &node, const std::string &name, size_t count, int64_t fallback) {
  if (!node.has(name)) return Shape(count, fallback);
  const Shape list = node.ints(name);
  if (list.size() != count)
    node.fail(name + " has " + std::to_string(list.size()) + " entries, must have " +
              std::to_string(count));
  return list;
}

Window windowOf(Node &node, const Tensor &x, const Shape &sizes) {
  const size_t n = sizes.size();
  if (x.rank() != static_cast<int64_t>(n) + 2)
    node.fail("the operand is " + x.type().str() + ", but the window has " + std::to_string(n) +
              " dims");
  Window w{sizes,
           entries(node, "strides", n, 1),
           entries(node, "dilations", n, 1),
           Shape(n, 0),
           Shape(n, 0),
           Shape(n, 0),
           Shape(n, 0)};
  const std::string automatic = node.string("auto_pad", "NOTSET");
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!same && automatic != "VALID") {
    const Shape pads = entries(node, "pads", 2 * n, 0);
    w.low = part(pads, 0, static_cast<int64_t>(n));
    w.high = part(pads, static_cast<int64_t>(n));
  }
  for (size_t i = 0; i < n; ++i) {
    const int64_t in = x.shape()[i + 2], stride = w.strides[i];
    node.limit("a window", {sizes[i], w.dilations[i]});
    node.limit("a stride or a pad", {std::max({stride, std::abs(w.low[i]), std::abs(w.high[i])})});
    if (sizes[i] < 1 || stride < 1 || w.dilations[i] < 1)
      node.fail("window, strides and dilations must be at least 1");
    if (same) {
      w.out[i] = (in + stride - 1) / stride;
      const int64_t total = std::max<int64_t>(0, (w.out[i] - 1) * stride + w.extent(i) - in);
      w.low[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.high[i] = total - w.low[i];
    } else {
      const int64_t room = in + w.low[i] + w.high[i] - w.extent(i);
      const bool up = node.flag("ceil_mode");
      w.out[i] = room < 0 ? 0 : (up ? room + stride - 1 : room) / stride + 1;
      // A window that begins behind the operand is none.
      if (up && (w.out[i] - 1) * stride >= in + w.low[i]) --w.out[i];
    }
    w.explicitHigh[i] = w.high[i];
    w.high[i] = std::max(w.high[i], (w.out[i] - 1) * stride + w.extent(i) - in - w.low[i]);
  }
  return w;
}

Tensor perChannel(const Tensor &x, int64_t rank) {
  Shape shape(static_cast<size_t>(rank), 1);
  shape.at(1) = x.size();
  return reshape(x, shape);
}

Tensor convolve(Node &node, const Tensor &x, const Tensor &filters) {
  if (filters.rank() < 2 || x.rank() < 2) node.fail("needs [n, channels, spatial...]");
  const Window w = windowOf(node, x, part(filters.shape(), 2));
  if (w.sizes.size() > 3) node.fail("has more than 3 spatial dims");
  return conv(
      x, filters,
      {.window = {w.strides, w.low, w.high, {}, w.dilations}, .groups = node.integer("group", 1)});
}

namespace {

TensorList convRule(Node &node) {
  node.expectOperands(2, 3);
  const Tensor y = convolve(node, node[0], node[1]);
  return {node.has(2) ? y + perChannel(node[2], y.rank()) : y};
}

/// Pads of the result that give `output_shape`, or the attribute's.
void transposedPads(Node &node, const Shape &in, const Window &w, const Shape &more, Shape &low,
                    Shape &high) {
  const size_t n = w.sizes.size();
  const std::string automatic = node.string("auto_pad", "NOTSET");
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  Shape wanted = node.ints("output_shape");
  if (wanted.size() > n) wanted = part(wanted, static_cast<int64_t>(wanted.size() - n));
  if (wanted.empty() && !same) {
    const Shape pads = automatic == "VALID" ? Shape(2 * n, 0) : entries(node, "pads", 2 * n, 0);
    low = part(pads, 0, static_cast<int64_t>(n));
    high = part(pads, static_cast<int64_t>(n));
    return;
  }
  if (!wanted.empty() && wanted.size() != n) node.fail("output_shape has too few entries");
  for (size_t i = 0; i < n; ++i) {
    const int64_t out = wanted.empty() ? in[i + 2] * w.strides[i] : wanted[i];
    const int64_t total = w.strides[i] * (in[i + 2] - 1) + more[i] + w.extent(i) - out;
    const int64_t half = std::max<int64_t>(0, total) / 2;
    // What is missing is added at the end.
    low[i] = automatic == "SAME_UPPER" || total < 0 ? half : total - half;
    high[i] = total - low[i];
  }
}

/// The adjoint of a convolution: the operand spread by the strides, under the window turned around.
TensorList convTranspose(Node &node) {
  node.expectOperands(2, 3);
  const Tensor x = node[0], filters = node[1];
  if (filters.rank() < 3 || x.rank() != filters.rank())
    node.fail("needs [n, channels, spatial...] and filters of as many dims");
  const Shape sizes = part(filters.shape(), 2);
  const size_t n = sizes.size();
  const int64_t groups = node.integer("group", 1);
  if (groups < 1 || filters.dim(0) % groups != 0) node.fail("channels do not divide into groups");
  Window w{sizes, entries(node, "strides", n, 1), entries(node, "dilations", n, 1), {}, {}, {}, {}};
  const Shape more = entries(node, "output_padding", n, 0);
  Shape low(n, 0), high(n, 0);
  transposedPads(node, x.shape(), w, more, low, high);
  std::vector<int64_t> order{0, 2, 1}, dims;
  Shape split{groups, filters.dim(0) / groups, filters.dim(1)};
  Shape turnedShape{filters.dim(1) * groups, filters.dim(0) / groups};
  ConvolutionWindow window{{}, {}, {}, w.strides, w.dilations};
  for (size_t i = 0; i < n; ++i) {
    order.push_back(static_cast<int64_t>(3 + i));
    dims.push_back(static_cast<int64_t>(2 + i));
    split.push_back(sizes[i]);
    turnedShape.push_back(sizes[i]);
    window.low.push_back(w.extent(i) - 1 - low[i]);
    window.high.push_back(w.extent(i) - 1 - high[i] + more[i]);
  }
  const Tensor turned = transpose(reshape(reverse(filters, dims), split), order);
  const Tensor y = conv(x, reshape(turned, turnedShape), {.window = window, .groups = groups});
  return {node.has(2) ? y + perChannel(node[2], y.rank()) : y};
}

/// A depthwise convolution over the past and the present steps, which hands on the last ones.
TensorList causalConv(Node &node) {
  node.expectOperands(2, 4);
  const Tensor x = node[0], filters = node[1];
  if (x.rank() != 3 || filters.rank() != 3) node.fail("needs [b, channels, length]");
  const int64_t b = x.dim(0), c = x.dim(1), past = filters.dim(2) - 1;
  const Tensor before = node.has(3) ? node[3] : node.graph.full({b, c, past}, 0, x.dtype());
  const Tensor all = concatenate({before, x}, 2);
  Tensor y = conv(all, filters, {.groups = c});
  if (node.has(2)) y = y + perChannel(node[2], 3);
  const std::string activation = node.string("activation", "none");
  if (activation == "silu" || activation == "swish")
    y = y * logistic(y);
  else if (activation != "none" && !activation.empty())
    node.fail("activation '" + activation + "' is not supported");
  return {y, sliceDim(all, 2, all.dim(2) - past, all.dim(2))};
}

} // namespace

void addConvolutionRules(Rules &rules) {
  const Rules own = {
      {"CausalConvWithState", causalConv}, {"Conv", convRule}, {"ConvTranspose", convTranspose}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
