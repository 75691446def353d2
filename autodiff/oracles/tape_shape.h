// Layout, reductions and contractions of the tape's tensors (tape.h): layout says where each
// element comes from, and the rest is made of that and of arithmetic.
#pragma once

#include "autodiff/oracles/tape_tensor.h"

namespace weir::tape {

/// The dims to reduce: all of them by default, one, or a list.
struct Dims {
  Dims() = default;
  Dims(int64_t dim) : all(false), list{dim} {}
  Dims(std::initializer_list<int64_t> dims) : all(false), list(dims) {}
  Dims(Shape dims) : all(false), list(std::move(dims)) {}
  bool all = true;
  Shape list;
};
struct DotDims {
  Shape lhsBatch, rhsBatch, lhsContract, rhsContract;
};

// ---- Layout. ----
template <typename T> Tensor<T> reshape(const Tensor<T> &x, Shape shape) {
  for (int64_t &size : shape)
    if (size == -1) size = 1, size = x.size() / std::max<int64_t>(product(shape), 1);
  return Tensor<T>::record(std::move(shape), x.data(), {x}, [](auto &ct, auto &in, auto &, size_t) {
    return reshape(ct, in[0].shape());
  });
}
/// Dim d of x becomes dim dims[d] of the result.
template <typename T>
Tensor<T> broadcast(const Tensor<T> &x, const Shape &shape, const Shape &dims) {
  return Tensor<T>::view(x, shape, [&](const Shape &i, Shape &at) {
    for (size_t d = 0; d < at.size(); ++d) at[d] = i[dims[d]];
  });
}
template <typename T> Tensor<T> expandDims(const Tensor<T> &x, int64_t dim) {
  Shape shape = x.shape();
  shape.insert(shape.begin() + (dim < 0 ? dim + x.rank() + 1 : dim), 1);
  return reshape(x, shape);
}
template <typename T> Tensor<T> squeeze(const Tensor<T> &x, int64_t dim) {
  Shape shape = x.shape();
  shape.erase(shape.begin() + x.wrap(dim));
  return reshape(x, shape);
}
template <typename T> Tensor<T> transpose(const Tensor<T> &x, Shape permutation = {}) {
  if (permutation.empty())
    for (int64_t d = x.rank(); d-- > 0;) permutation.push_back(d);
  Shape shape;
  for (int64_t d : permutation) shape.push_back(x.dim(d));
  return Tensor<T>::view(x, shape, [&](const Shape &i, Shape &at) {
    for (size_t d = 0; d < at.size(); ++d) at[permutation[d]] = i[d];
  });
}
template <typename T>
Tensor<T> slice(const Tensor<T> &x, const Shape &starts, const Shape &limits, Shape strides = {}) {
  strides.resize(x.rank(), strides.empty() ? 1 : strides.back());
  Shape shape;
  for (int64_t d = 0; d < x.rank(); ++d)
    shape.push_back(std::max<int64_t>(0, (limits[d] - starts[d] + strides[d] - 1) / strides[d]));
  return Tensor<T>::view(x, shape, [&](const Shape &i, Shape &at) {
    for (size_t d = 0; d < at.size(); ++d) at[d] = starts[d] + i[d] * strides[d];
  });
}
template <typename T>
Tensor<T> sliceDim(const Tensor<T> &x, int64_t dim, int64_t start, int64_t limit) {
  Shape starts(x.rank(), 0), limits = x.shape();
  const int64_t size = x.dim(dim), d = x.wrap(dim);
  starts[d] = start < 0 ? start + size : start;
  limits[d] = limit < 0 ? limit + size : limit;
  return slice(x, starts, limits);
}
template <typename T>
std::vector<Tensor<T>> split(const Tensor<T> &x, int64_t parts, int64_t dim = -1) {
  std::vector<Tensor<T>> result;
  const int64_t size = x.dim(dim) / parts;
  for (int64_t k = 0; k < parts; ++k) result.push_back(sliceDim(x, dim, k * size, (k + 1) * size));
  return result;
}
template <typename T>
Tensor<T> pad(const Tensor<T> &x, const std::type_identity_t<Tensor<T>> &value, const Shape &low,
              const Shape &high, Shape interior = {}) {
  interior.resize(x.rank(), 0);
  Shape shape = x.shape();
  for (int64_t d = 0; d < x.rank(); ++d)
    shape[d] += low[d] + high[d] + std::max<int64_t>(0, shape[d] - 1) * interior[d];
  return Tensor<T>::view(
      x, shape,
      [&](const Shape &i, Shape &at) {
        for (size_t d = 0; d < at.size(); ++d) {
          const int64_t from = i[d] - low[d], step = interior[d] + 1;
          at[d] = from < 0 || from % step ? -1 : from / step;
        }
      },
      value);
}
template <typename T> Tensor<T> concatenate(const std::vector<Tensor<T>> &xs, int64_t dim) {
  Shape shape = xs.at(0).shape(), starts{0};
  const int64_t d = xs[0].wrap(dim), outer = product(Shape(shape.begin(), shape.begin() + d));
  for (const Tensor<T> &x : xs) starts.push_back(starts.back() + x.shape()[d]);
  shape[d] = starts.back();
  std::vector<T> data;
  for (int64_t o = 0; o < outer; ++o)
    for (const Tensor<T> &x : xs) {
      const int64_t run = x.size() / outer;
      data.insert(data.end(), x.data().begin() + o * run, x.data().begin() + (o + 1) * run);
    }
  return Tensor<T>::record(shape, std::move(data), xs, [=](auto &ct, auto &, auto &, size_t i) {
    return sliceDim(ct, d, starts[i], starts[i + 1]);
  });
}
template <typename T> Tensor<T> reverse(const Tensor<T> &x, const Shape &dims) {
  return Tensor<T>::view(x, x.shape(), [&](const Shape &i, Shape &at) {
    at = i;
    for (int64_t d : dims) at[d] = x.shape()[d] - 1 - i[d];
  });
}

// ---- Reductions. Equal extremes share the derivative evenly. ----

/// What a reduction leaves: with size 1 for what is reduced, and as the caller wants it.
struct Reduced {
  Shape kept, shape;
};
template <typename T> Reduced reduced(const Tensor<T> &x, const Dims &dims, bool keepDims) {
  Reduced r{x.shape(), {}};
  for (int64_t d : dims.list) r.kept[x.wrap(d)] = -1;
  for (int64_t &size : r.kept) {
    if (!dims.all && size != -1) r.shape.push_back(size);
    if (dims.all || size == -1) {
      size = 1;
      if (keepDims) r.shape.push_back(1);
    }
  }
  return r;
}
/// For each element of x the place in `kept` that it is reduced into.
template <typename T> Positions groups(const Tensor<T> &x, const Shape &kept) {
  Shape to, at(kept.size());
  forEachIndex(x.shape(), [&](const Shape &index) {
    for (size_t d = 0; d < at.size(); ++d) at[d] = kept[d] == x.shape()[d] ? index[d] : 0;
    to.push_back(flat(at, kept));
  });
  return std::make_shared<const Shape>(std::move(to));
}

template <typename T>
Tensor<T> reduceSum(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  auto [kept, shape] = reduced(x, dims, keepDims);
  return reshape(Tensor<T>::collect(x, kept, groups(x, kept)), shape);
}
template <typename T>
Tensor<T> reduceMax(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  auto [kept, shape] = reduced(x, dims, keepDims);
  Positions group = groups(x, kept);
  std::vector<double> best(product(kept), -INFINITY), count(best.size(), 0);
  auto isBest = [&](int64_t k) { // NaN is above all
    const double v = x.at(k), b = best[(*group)[k]];
    return v == b || (v != v && b != b);
  };
  for (int64_t k = 0; k < x.size(); ++k) {
    double &b = best[(*group)[k]];
    if (!(x.at(k) <= b) && b == b) b = x.at(k);
  }
  for (int64_t k = 0; k < x.size(); ++k) count[(*group)[k]] += isBest(k);
  Tensor<T> share = Tensor<T>::full(x.shape(), 0);
  std::vector<T> data(best.size(), T(0.0));
  for (size_t g = 0; g < best.size(); ++g)
    if (count[g] == 0) data[g] = T(-INFINITY);
  for (int64_t k = 0; k < x.size(); ++k) {
    if (!isBest(k)) continue;
    const T part = T(1 / count[(*group)[k]]);
    share.data()[k] = part;
    data[(*group)[k]] = data[(*group)[k]] + x.data()[k] * part;
  }
  Tensor<T> y = Tensor<T>::record(kept, std::move(data), {x},
                                  [=](auto &ct, auto &in, auto &, size_t) -> Tensor<T> {
                                    return Tensor<T>::pick(ct, in[0].shape(), group) * share;
                                  });
  return reshape(y, shape);
}
template <typename T>
Tensor<T> reduceMin(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  return -reduceMax(-x, dims, keepDims);
}
template <typename T>
Tensor<T> reduceProd(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  auto [kept, shape] = reduced(x, dims, keepDims);
  Shape order, last;
  for (int64_t d = 0; d < x.rank(); ++d) (kept[d] == x.dim(d) ? order : last).push_back(d);
  order.insert(order.end(), last.begin(), last.end());
  const int64_t rows = product(kept);
  Tensor<T> y = reshape(transpose(x, order), {rows, rows ? x.size() / rows : 0});
  if (y.dim(1) == 0) return Tensor<T>::full(shape, 1);
  for (int64_t n = y.dim(1); n > 1; n = y.dim(1)) { // halves times each other
    Tensor<T> half = sliceDim(y, 1, 0, n / 2) * sliceDim(y, 1, n / 2, n / 2 * 2);
    y = n % 2 ? concatenate(std::vector{half, sliceDim(y, 1, n - 1, n)}, 1) : half;
  }
  return reshape(y, shape);
}
template <typename T>
Tensor<T> sum(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  return reduceSum(x, dims, keepDims);
}
template <typename T>
Tensor<T> mean(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  Tensor<T> total = reduceSum(x, dims, keepDims);
  return total * (static_cast<double>(total.size()) / static_cast<double>(x.size()));
}
template <typename T>
Tensor<T> variance(const Tensor<T> &x, const Dims &dims = {}, bool keepDims = false) {
  return mean(square(x - mean(x, dims, true)), dims, keepDims);
}
template <typename T>
Tensor<T> logsumexp(const Tensor<T> &x, int64_t dim = -1, bool keepDims = false) {
  Tensor<T> top = stopGradient(reduceMax(x, dim, true));
  Tensor<T> y = log(reduceSum(exp(x - top), dim, true)) + top;
  return keepDims ? y : squeeze(y, dim);
}

// ---- Contraction. ----
/// [b, m, k] x [b, k, n] -> [b, m, n].
template <typename T> Tensor<T> multiply(const Tensor<T> &a, const Tensor<T> &b) {
  const int64_t m = a.dim(1), k = a.dim(2), n = b.dim(2);
  std::vector<T> data(a.dim(0) * m * n, T(0.0));
  for (int64_t row = 0; row < a.dim(0) * m; ++row)
    for (int64_t j = 0; j < k; ++j) {
      const T &x = a.data()[row * k + j];
      const T *from = b.data().data() + (row / m * k + j) * n;
      for (int64_t i = 0; i < n; ++i) data[row * n + i] += x * from[i];
    }
  return Tensor<T>::record({a.dim(0), m, n}, std::move(data), {a, b},
                           [](auto &ct, auto &in, auto &, size_t i) {
                             Tensor<T> other = transpose(in[1 - i], {0, 2, 1});
                             return i == 0 ? multiply(ct, other) : multiply(other, ct);
                           });
}
/// Result dims: batch, then lhs's free, then rhs's free dims.
template <typename T> Tensor<T> dot(const Tensor<T> &a, const Tensor<T> &b, const DotDims &dims) {
  auto free = [](const Tensor<T> &x, const Shape &batch, const Shape &contract) {
    Shape rest;
    for (int64_t d = 0; d < x.rank(); ++d)
      if (!std::ranges::count(batch, d) && !std::ranges::count(contract, d)) rest.push_back(d);
    return rest;
  };
  auto sizes = [](const Tensor<T> &x, const Shape &at) {
    Shape shape;
    for (int64_t d : at) shape.push_back(x.dim(d));
    return shape;
  };
  const Shape m = free(a, dims.lhsBatch, dims.lhsContract),
              n = free(b, dims.rhsBatch, dims.rhsContract);
  Shape shape = sizes(a, dims.lhsBatch);
  const int64_t batch = product(shape), k = product(sizes(a, dims.lhsContract));
  require(shape == sizes(b, dims.rhsBatch), "dot: batch dims differ");
  require(sizes(a, dims.lhsContract) == sizes(b, dims.rhsContract), "dot: contracted dims differ");
  auto joined = [](Shape x, const Shape &y, const Shape &z) {
    x.insert(x.end(), y.begin(), y.end());
    x.insert(x.end(), z.begin(), z.end());
    return x;
  };
  Tensor<T> lhs = transpose(a, joined(dims.lhsBatch, m, dims.lhsContract)),
            rhs = transpose(b, joined(dims.rhsBatch, dims.rhsContract, n));
  return reshape(multiply(reshape(lhs, {batch, product(sizes(a, m)), k}),
                          reshape(rhs, {batch, k, product(sizes(b, n))})),
                 joined(shape, sizes(a, m), sizes(b, n)));
}
/// NumPy's: [..., m, k] x [..., k, n]; vectors lose their dim; batches broadcast.
template <typename T> Tensor<T> matmul(const Tensor<T> &a, const Tensor<T> &b) {
  require(a.rank() > 0 && b.rank() > 0, "matmul of a scalar");
  if (a.rank() == 1) return squeeze(matmul(expandDims(a, 0), b), b.rank() == 1 ? 0 : -2);
  if (b.rank() == 1) return squeeze(matmul(a, expandDims(b, 1)), -1);
  auto batch = [](const Tensor<T> &x) { return Shape(x.shape().begin(), x.shape().end() - 2); };
  auto with = [](Shape shape, const Tensor<T> &x) {
    shape.insert(shape.end(), x.shape().end() - 2, x.shape().end());
    return shape;
  };
  const Shape to = common(batch(a), batch(b));
  const int64_t rank = static_cast<int64_t>(to.size());
  Shape dims(rank);
  std::iota(dims.begin(), dims.end(), 0);
  return dot(broadcastTo(a, with(to, a)), broadcastTo(b, with(to, b)),
             {dims, dims, {rank + 1}, {rank}});
}

} // namespace weir::tape
