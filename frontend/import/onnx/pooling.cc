// Pooling: reductions over windows.
#include "frontend/import/onnx/windows.h"

#include <limits>
#include <numeric>

namespace weir::onnx {
namespace {

/// The windows of x as one last dim: [b, channels, out..., window].
Tensor windowsOf(const Tensor &x, const Window &w, Arg outside) {
  Windows windows{{}, w.sizes, w.strides, w.dilations, w.low, w.high};
  for (size_t i = 0; i < w.sizes.size(); ++i) windows.dims.push_back(static_cast<int64_t>(2 + i));
  const Tensor all = unfold(x, outside, windows);
  const auto spatial = static_cast<int64_t>(w.sizes.size());
  const Shape out = part(all.shape(), 0, 2 + spatial);
  return reshape(all, joined(out, {product(w.sizes)}));
}

Tensor lowest(Node &node, DType dtype) {
  if (runtime::isFloat(dtype))
    return node.graph.scalar(-std::numeric_limits<double>::infinity(), dtype);
  return reduceMax(node.graph.full({0}, 0, dtype));
}

/// Positions in the flattened operand; `columns`: of its spatial dims in the other order.
Tensor maxPositions(Node &node, const Tensor &x, const Tensor &windows, const Window &w,
                    bool columns) {
  const Shape spatial = part(x.shape(), 2);
  const int64_t size = product(spatial);
  Tensor index = node.graph.full(joined({1, 1}, spatial), 0, i64);
  int64_t stride = 1;
  for (size_t i = 0; i < spatial.size(); ++i) {
    const size_t d = columns ? i : spatial.size() - 1 - i;
    index = index + node.graph.iota(i64, index.shape(), static_cast<int64_t>(2 + d)) * stride;
    stride *= spatial[d];
  }
  const Tensor places = windowsOf(index, w, node.graph.scalar(0, i64));
  const int64_t last = windows.rank() - 1;
  const Tensor best = expandDims(argmax(windows, last), last);
  const Tensor chosen = node.graph.iota(i32, windows.shape(), last) == best;
  const Tensor zero = node.graph.scalar(0, i64);
  const Tensor at = reduceSum(select(chosen, places, zero), last);
  const Tensor image =
      node.graph.iota(i64, at.shape(), 0) * x.dim(1) + node.graph.iota(i64, at.shape(), 1);
  return at + image * size;
}

TensorList maxPool(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const Window w = windowOf(node, x, node.ints("kernel_shape"));
  const Tensor windows = windowsOf(x, w, lowest(node, x.dtype()));
  TensorList results{reduceMax(windows, windows.rank() - 1)};
  if (node.wants(1))
    results.push_back(maxPositions(node, x, windows, w, node.integer("storage_order", 0) == 1));
  return results;
}

/// How many elements each window has: the product of its counts along each dim.
Tensor counts(Node &node, const Tensor &x, const Window &w, bool padding) {
  const size_t n = w.sizes.size();
  Tensor all = node.graph.scalar(1, x.dtype());
  for (size_t i = 0; i < n; ++i) {
    const int64_t in = x.shape()[i + 2];
    const int64_t from = padding ? -w.low[i] : 0, to = in + (padding ? w.explicitHigh[i] : 0);
    node.limit("the result", {w.out[i], w.sizes[i]});
    std::vector<double> list;
    for (int64_t o = 0; o < w.out[i]; ++o) {
      int64_t inside = 0;
      for (int64_t k = 0; k < w.sizes[i]; ++k) {
        const int64_t at = o * w.strides[i] - w.low[i] + k * w.dilations[i];
        inside += at >= from && at < to;
      }
      list.push_back(static_cast<double>(std::max<int64_t>(inside, 1)));
    }
    Shape shape(n + 2, 1);
    shape[i + 2] = w.out[i];
    all = all * node.graph.constant(Array::from<double>(shape, list).cast(x.dtype()));
  }
  return all;
}

TensorList averagePool(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const Window w = windowOf(node, x, node.ints("kernel_shape"));
  const Tensor windows = windowsOf(x, w, node.graph.scalar(0, x.dtype()));
  const Tensor sum = reduceSum(windows, windows.rank() - 1);
  return {sum / counts(node, x, w, node.flag("count_include_pad"))};
}

TensorList lpPool(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const double p =
      node.version == 1 ? node.real("p", 2.0) : static_cast<double>(node.integer("p", 2));
  const Window w = windowOf(node, x, node.ints("kernel_shape"));
  const Tensor windows = windowsOf(pow(abs(x), p), w, node.graph.scalar(0, x.dtype()));
  return {pow(reduceSum(windows, windows.rank() - 1), 1 / p)};
}

std::vector<int64_t> spatialDims(Node &node) {
  node.expectOperands(1, 1);
  if (node[0].rank() < 2) node.fail("needs [n, channels, spatial...]");
  return part(upTo(node[0].rank()), 2);
}

TensorList globalAverage(Node &node) {
  const auto dims = spatialDims(node);
  return {mean(node[0], dims, true)};
}

TensorList globalMax(Node &node) {
  const auto dims = spatialDims(node);
  return {reduceMax(node[0], dims, true)};
}

TensorList globalLp(Node &node) {
  const auto dims = spatialDims(node);
  const double p =
      node.version == 1 ? node.real("p", 2.0) : static_cast<double>(node.integer("p", 2));
  return {pow(reduceSum(pow(abs(node[0]), p), dims, true), 1 / p)};
}

/// Largest elements back to the positions that MaxPool gave.
TensorList maxUnpool(Node &node) {
  node.expectOperands(2, 3);
  const Tensor x = node[0], indices = node[1];
  const Shape sizes = node.ints("kernel_shape");
  const size_t n = sizes.size();
  if (x.rank() != static_cast<int64_t>(n) + 2) node.fail("the window does not fit the operand");
  const Shape strides = entries(node, "strides", n, 1), pads = entries(node, "pads", 2 * n, 0);
  Shape inner{x.dim(0), x.dim(1)};
  for (size_t i = 0; i < n; ++i)
    inner.push_back((x.shape()[i + 2] - 1) * strides[i] + sizes[i] - pads[i] - pads[i + n]);
  const Shape shape = node.has(2) ? node.ints(2, "the shape") : inner;
  if (shape.size() != inner.size()) node.fail("the shape does not fit the operand");
  const Tensor zeros = node.graph.full({product(shape)}, 0, x.dtype());
  // Positions count in the shape that the pooling had.
  Tensor at = flat(indices);
  if (shape != inner) {
    Tensor rest = at, moved = node.graph.full(at.shape(), 0, i64);
    for (size_t d = 0; d < shape.size(); ++d) {
      const int64_t block = product(inner, static_cast<int64_t>(d + 1));
      moved = moved + rest / block * product(shape, static_cast<int64_t>(d + 1));
      rest = rest % block;
    }
    at = moved;
  }
  return {reshape(scatterSet(zeros, at, flat(x), 0), shape)};
}

} // namespace

void addPoolingRules(Rules &rules) {
  const Rules own = {
      {"AveragePool", averagePool}, {"GlobalAveragePool", globalAverage},
      {"GlobalLpPool", globalLp},   {"GlobalMaxPool", globalMax},
      {"LpPool", lpPool},           {"MaxPool", maxPool},
      {"MaxUnpool", maxUnpool},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
