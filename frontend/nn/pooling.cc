#include "frontend/nn/conv.h"
#include "frontend/nn/need.h"

#include <algorithm>
#include <cmath>

namespace weir::nn {
namespace {

/// Windows of x over its spatial dims, and the dims that hold them.
struct Pooled {
  Tensor windows;
  std::vector<int64_t> dims;
};

Pooled pooled(const char *name, const Tensor &x, const PoolOptions &o, double outside,
              Location at) {
  const size_t spatial = o.window.size();
  for (const Shape *list : {&o.strides, &o.padding})
    if (!list->empty() && list->size() != spatial)
      throw Error(std::string(name) + ": strides and padding must have as many entries as the " +
                      "window, " + std::to_string(spatial),
                  at);
  Windows w{{}, o.window, o.strides.empty() ? o.window : o.strides, {}, o.padding, o.padding};
  Pooled result;
  for (size_t i = 0; i < spatial; ++i) {
    if (o.window[i] < 1 || (!o.padding.empty() && 2 * o.padding[i] > o.window[i]))
      throw Error(std::string(name) + ": a window of " + std::to_string(o.window[i]) +
                      " must be at least 1 and twice its padding",
                  at);
    w.dims.push_back(static_cast<int64_t>(2 + i));
    result.dims.push_back(static_cast<int64_t>(2 + spatial + i));
  }
  result.windows = unfold(x, outside, w);
  return result;
}

std::vector<int64_t> spatialDims(const Tensor &x) {
  std::vector<int64_t> dims;
  for (int64_t d = 2; d < x.rank(); ++d) dims.push_back(d);
  return dims;
}

/// One dim of x as windows of it, [..., n, longest, ...]: a shorter window repeats its last
/// element.
struct Adaptive {
  Tensor windows;
  Array weights; ///< f64[n, longest]: each element's share in an average.
};

Adaptive adaptive(const char *name, const Tensor &x, int64_t dim, int64_t n, Location at) {
  const int64_t in = x.dim(dim);
  if (n < 1 || in < 1)
    throw Error(std::string(name) + ": dim " + std::to_string(dim) + " of size " +
                    std::to_string(in) + " cannot become " + std::to_string(n),
                at, {noteOn(x, "the input")});
  auto start = [&](int64_t i) { return i * in / n; };
  auto end = [&](int64_t i) { return ((i + 1) * in + n - 1) / n; };
  int64_t longest = 0;
  for (int64_t i = 0; i < n; ++i) longest = std::max(longest, end(i) - start(i));
  Array indices(i32, {n, longest}), weights = Array::zeros(f64, {n, longest});
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < longest; ++k) {
      const auto at = static_cast<size_t>(i * longest + k);
      const int64_t length = end(i) - start(i);
      indices.mutableData<int32_t>()[at] = static_cast<int32_t>(start(i) + std::min(k, length - 1));
      if (k < length) weights.mutableData<double>()[at] = 1 / static_cast<double>(length);
    }
  return {gather(x, x.graph().constant(indices), dim), weights};
}

template <typename F>
Tensor eachSpatialDim(const char *name, const Arg &x, const Shape &sizes, F reduce) {
  CallScope scope(x.at);
  Tensor t = needImage(name, x, static_cast<int64_t>(sizes.size()));
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto dim = static_cast<int64_t>(2 + i);
    t = reduce(adaptive(name, t, dim, sizes[i], x.at), dim);
  }
  return t;
}

} // namespace

Tensor maxPool(Arg x, PoolOptions options) {
  CallScope scope(x.at);
  const Tensor t = needImage("maxPool", x, static_cast<int64_t>(options.window.size()));
  auto [windows, dims] = pooled("maxPool", t, options, -INFINITY, x.at);
  return reduceMax(windows, dims);
}

Tensor avgPool(Arg x, PoolOptions options) {
  CallScope scope(x.at);
  const Tensor t = needImage("avgPool", x, static_cast<int64_t>(options.window.size()));
  auto [windows, dims] = pooled("avgPool", t, options, 0, x.at);
  if (options.padding.empty() || options.countsPadding) return mean(windows, dims);
  Tensor inside = pooled("avgPool", onesLike(t), options, 0, x.at).windows;
  return sum(windows, dims) / sum(inside, dims);
}

Tensor globalMaxPool(Arg x) {
  CallScope scope(x.at);
  const Tensor t = needImage("globalMaxPool", x);
  return reduceMax(t, spatialDims(t));
}

Tensor globalAvgPool(Arg x) {
  CallScope scope(x.at);
  const Tensor t = needImage("globalAvgPool", x);
  return mean(t, spatialDims(t));
}

Tensor adaptiveMaxPool(Arg x, Shape sizes) {
  return eachSpatialDim("adaptiveMaxPool", x, sizes, [](const Adaptive &a, int64_t dim) {
    return reduceMax(a.windows, dim + 1);
  });
}

Tensor adaptiveAvgPool(Arg x, Shape sizes) {
  return eachSpatialDim("adaptiveAvgPool", x, sizes, [](const Adaptive &a, int64_t dim) {
    Shape shape(static_cast<size_t>(a.windows.rank()), 1);
    for (int64_t i : {0, 1}) shape[static_cast<size_t>(dim + i)] = a.weights.dims()[i];
    Tensor weights = a.windows.graph().constant(a.weights.cast(a.windows.dtype()));
    return sum(a.windows * reshape(weights, shape), dim + 1);
  });
}

} // namespace weir::nn
