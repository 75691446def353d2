// Positions given by data, windows, and order along a dim, on the tape's tensors (tape.h).
// Convolution is windows and a contraction; cumulative operations go step by step.
#pragma once

#include "autodiff/oracles/tape_shape.h"

namespace weir::tape {

// ---- Indexing: the first batchDims dims of operand and indices go together, `dim` is indexed.
// ----

/// What gather picks: its shape, and for each element the position in the operand; an index out of
/// range is clamped, or -1.
template <typename T>
std::pair<Shape, Shape> picked(const Shape &operand, const Tensor<T> &indices, int64_t dim,
                               int64_t batchDims, bool clamps) {
  const int64_t own = indices.rank() - batchDims;
  Shape shape(operand.begin(), operand.begin() + dim), positions;
  shape.insert(shape.end(), indices.shape().begin() + batchDims, indices.shape().end());
  shape.insert(shape.end(), operand.begin() + dim + 1, operand.end());
  forEachIndex(shape, [&](const Shape &i) {
    Shape where(i.begin(), i.begin() + batchDims), at(i.begin(), i.begin() + dim);
    where.insert(where.end(), i.begin() + dim, i.begin() + dim + own);
    const double index = indices.at(flat(where, indices.shape()));
    const double last = static_cast<double>(operand[dim] - 1);
    at.push_back(static_cast<int64_t>(clamps ? std::clamp(index, 0.0, last)
                                             : std::clamp(index, -1.0, last + 1)));
    at.insert(at.end(), i.begin() + dim + own, i.end());
    positions.push_back(flat(at, operand));
  });
  return {std::move(shape), std::move(positions)};
}
inline Positions shared(Shape positions) {
  return std::make_shared<const Shape>(std::move(positions));
}

template <typename T>
Tensor<T> gather(const Tensor<T> &operand, const std::type_identity_t<Tensor<T>> &indices,
                 int64_t dim, int64_t batchDims = 0) {
  auto [shape, from] = picked(operand.shape(), indices, operand.wrap(dim), batchDims, true);
  return Tensor<T>::pick(operand, shape, shared(std::move(from)));
}
template <typename T>
Tensor<T> take(const Tensor<T> &x, const std::type_identity_t<Tensor<T>> &indices,
               int64_t dim = 0) {
  return gather(x, indices, dim);
}
template <typename T>
Tensor<T> scatterAdd(const Tensor<T> &operand, const Tensor<T> &indices, const Tensor<T> &updates,
                     int64_t dim, int64_t batchDims = 0) {
  auto [shape, to] = picked(operand.shape(), indices, operand.wrap(dim), batchDims, false);
  return operand + Tensor<T>::collect(updates, operand.shape(), shared(std::move(to)));
}
/// combine(old, update) at each place, one update of a place after another, in their order.
template <typename T, typename F>
Tensor<T> scatter(const Tensor<T> &operand, const Tensor<T> &indices, const Tensor<T> &updates,
                  int64_t dim, int64_t batchDims, F combine) {
  Shape to = picked(operand.shape(), indices, operand.wrap(dim), batchDims, false).second;
  Tensor<T> result = operand;
  for (bool isLeft = true; isLeft;) {
    Shape round(to.size(), -1);
    Tensor<T> hit = zerosLike(operand);
    isLeft = false;
    for (size_t k = 0; k < to.size(); ++k) {
      if (to[k] < 0) continue;
      T &mark = hit.data()[to[k]];
      if (mark == T(1.0)) {
        isLeft = true;
        continue;
      }
      mark = T(1.0);
      round[k] = std::exchange(to[k], -1);
    }
    Tensor<T> update = Tensor<T>::collect(updates, operand.shape(), shared(std::move(round)));
    result = select(hit, combine(result, update), result);
  }
  return result;
}
template <typename T>
Tensor<T> scatterMax(const Tensor<T> &operand, const Tensor<T> &indices, const Tensor<T> &updates,
                     int64_t dim, int64_t batchDims = 0) {
  return scatter(operand, indices, updates, dim, batchDims,
                 [](auto &a, auto &b) { return max(a, b); });
}
template <typename T>
Tensor<T> scatterMin(const Tensor<T> &operand, const Tensor<T> &indices, const Tensor<T> &updates,
                     int64_t dim, int64_t batchDims = 0) {
  return scatter(operand, indices, updates, dim, batchDims,
                 [](auto &a, auto &b) { return min(a, b); });
}
template <typename T>
Tensor<T> scatterMul(const Tensor<T> &operand, const Tensor<T> &indices, const Tensor<T> &updates,
                     int64_t dim, int64_t batchDims = 0) {
  return scatter(operand, indices, updates, dim, batchDims, [](auto &a, auto &b) { return a * b; });
}
template <typename T>
Tensor<T> scatterSet(const Tensor<T> &operand, const Tensor<T> &indices, const Tensor<T> &updates,
                     int64_t dim, int64_t batchDims = 0) {
  return scatter(operand, indices, updates, dim, batchDims, [](auto &, auto &b) { return b; });
}
/// A window of fixed sizes; starts are clamped so that it lies inside.
template <typename T> Tensor<T> dynamicSlice(const Tensor<T> &x, Shape starts, const Shape &sizes) {
  Shape limits;
  for (int64_t d = 0; d < x.rank(); ++d) {
    starts[d] = std::clamp<int64_t>(starts[d], 0, x.dim(d) - sizes[d]);
    limits.push_back(starts[d] + sizes[d]);
  }
  return slice(x, starts, limits);
}
template <typename T>
Tensor<T> dynamicUpdateSlice(const Tensor<T> &x, const Tensor<T> &update, Shape starts) {
  for (int64_t d = 0; d < x.rank(); ++d)
    starts[d] = std::clamp<int64_t>(starts[d], 0, x.dim(d) - update.dim(d));
  auto place = [&](const Shape &i, Shape &at) {
    for (size_t d = 0; d < at.size(); ++d) at[d] = i[d] - starts[d];
  };
  Tensor<T> inside = Tensor<T>::view(onesLike(update), x.shape(), place);
  return select(inside, Tensor<T>::view(update, x.shape(), place), x);
}
/// 1 where the index along the new last dim equals the label, else 0.
template <typename T> Tensor<T> oneHot(const Tensor<T> &labels, int64_t classes) {
  Tensor<T> numbers = Tensor<T>::full({classes}, 0);
  for (int64_t k = 0; k < classes; ++k) numbers.data()[k] = T(static_cast<double>(k));
  return expandDims(labels, -1) == numbers;
}

// ---- Windows. ----

/// One entry for each of `dims`; empty strides and dilations are ones, low and high zeros.
struct Windows {
  Shape dims, sizes, strides, dilations, low, high;
};
inline int64_t entry(const Shape &list, size_t k, int64_t otherwise) {
  return list.empty() ? otherwise : list.at(k);
}
/// Turns the place `i` among windows into the place `at` it reads.
inline void placeOf(const Shape &i, const Windows &w, Shape &at) {
  std::copy(i.begin(), i.begin() + at.size(), at.begin());
  for (size_t k = 0; k < w.dims.size(); ++k)
    at[w.dims[k]] = i[w.dims[k]] * entry(w.strides, k, 1) +
                    i[at.size() + k] * entry(w.dilations, k, 1) - entry(w.low, k, 0);
}
/// Windows as new last dims, one for each of windows.dims; `value` outside of x.
template <typename T>
Tensor<T> unfold(const Tensor<T> &x, const std::type_identity_t<Tensor<T>> &value,
                 const Windows &w) {
  Shape shape = x.shape();
  shape.insert(shape.end(), w.sizes.begin(), w.sizes.end());
  for (size_t k = 0; k < w.dims.size(); ++k) {
    const int64_t room = x.dim(w.dims[k]) + entry(w.low, k, 0) + entry(w.high, k, 0) -
                         (w.sizes[k] - 1) * entry(w.dilations, k, 1) - 1;
    shape[w.dims[k]] = room < 0 ? 0 : room / entry(w.strides, k, 1) + 1;
  }
  return Tensor<T>::view(x, shape, [&](const Shape &i, Shape &at) { placeOf(i, w, at); }, value);
}
/// The adjoint: windows added up where they were read, in a tensor whose dims windows.dims have
/// `sizes`.
template <typename T> Tensor<T> fold(const Tensor<T> &y, const Windows &w, const Shape &sizes) {
  Shape shape(y.shape().begin(), y.shape().end() - w.dims.size()), at(shape.size()), to;
  for (size_t k = 0; k < w.dims.size(); ++k) shape[w.dims[k]] = sizes[k];
  forEachIndex(y.shape(), [&](const Shape &i) {
    placeOf(i, w, at);
    to.push_back(flat(at, shape));
  });
  return Tensor<T>::collect(y, shape, shared(std::move(to)));
}
/// One entry for each spatial dim; empty: ones, or zeros for low and high, which may be negative.
struct ConvolutionWindow {
  Shape strides, low, high, lhsDilation, rhsDilation;
};
/// lhs [n, g, c, spatial...], rhs [g, o, c, window...] -> [n, g, o, spatial...].
template <typename T>
Tensor<T> convolution(const Tensor<T> &lhs, const Tensor<T> &rhs,
                      const ConvolutionWindow &window = {}) {
  const int64_t spatial = lhs.rank() - 3;
  Shape none(lhs.rank(), 0), interior(lhs.rank(), 0), order{1, 0, 2 + spatial};
  Windows w{{}, {}, window.strides, window.rhsDilation, window.low, window.high};
  DotDims dims{{1}, {0}, {2}, {2}};
  for (int64_t k = 0; k < spatial; ++k) {
    interior[3 + k] = entry(window.lhsDilation, k, 1) - 1;
    w.dims.push_back(3 + k);
    w.sizes.push_back(rhs.dim(3 + k));
    dims.lhsContract.push_back(3 + spatial + k);
    dims.rhsContract.push_back(3 + k);
    order.push_back(2 + k);
  }
  Tensor<T> windows = unfold(pad(lhs, 0, none, none, interior), 0, w);
  return transpose(dot(windows, rhs, dims), order); // of [g, n, spatial..., o]
}

// ---- Order along a dim. ----

/// result[.., k, ..] = x[.., index[.., k, ..], ..], index shaped as the result.
template <typename T>
Tensor<T> takeAlong(const Tensor<T> &x, const Tensor<T> &index, int64_t dim = -1) {
  const int64_t d = x.wrap(dim);
  Shape from;
  forEachIndex(index.shape(), [&](const Shape &i) {
    Shape at = i;
    at[d] = static_cast<int64_t>(index.at(flat(i, index.shape())));
    from.push_back(flat(at, x.shape()));
  });
  return Tensor<T>::pick(x, index.shape(), shared(std::move(from)));
}
/// The stable permutation along `dim` under which less(i, j), of positions in row-major order,
/// holds for no neighbours j, i.
template <typename T, typename F> Tensor<T> permutation(const Shape &shape, int64_t dim, F less) {
  Tensor<T> order = Tensor<T>::full(shape, 0);
  Shape starts = shape;
  starts[dim] = 1;
  const int64_t stride = product(Shape(shape.begin() + dim + 1, shape.end()));
  forEachIndex(starts, [&](const Shape &i) {
    Shape row(shape[dim]);
    for (int64_t k = 0; k < shape[dim]; ++k) row[k] = flat(i, shape) + k * stride;
    const Shape before = row;
    std::ranges::sort(row,
                      [&](int64_t i, int64_t j) { return less(i, j) || (!less(j, i) && i < j); });
    for (int64_t k = 0; k < shape[dim]; ++k)
      order.data()[before[k]] = T(static_cast<double>((row[k] - before[0]) / stride));
  });
  return order;
}
/// NaN comes last, or first when descending.
template <typename T>
Tensor<T> argsort(const Tensor<T> &x, int64_t dim = -1, bool descending = false) {
  auto below = [&](int64_t i, int64_t j) {
    const double a = x.at(i), b = x.at(j);
    return a < b || (a == a && b != b);
  };
  return permutation<T>(x.shape(), x.wrap(dim), [&](int64_t i, int64_t j) {
    return descending ? below(j, i) : below(i, j);
  });
}
template <typename T>
Tensor<T> sort(const Tensor<T> &x, int64_t dim = -1, bool descending = false) {
  return takeAlong(x, argsort(x, dim, descending), dim);
}

/// What state = step(state, k) gives for each k along `dim`, from an undefined state for the first.
template <typename T, typename F>
Tensor<T> cumulative(const Tensor<T> &x, int64_t dim, bool reverse, F step) {
  const int64_t n = x.dim(dim);
  if (n == 0) return x;
  std::vector<Tensor<T>> states(n);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t k = reverse ? n - 1 - i : i;
    states[k] = step(i ? states[reverse ? k + 1 : k - 1] : Tensor<T>(), k, i == 0);
  }
  return concatenate(states, dim);
}
/// Combines from the first element on: combine(state, element).
template <typename T, typename F>
Tensor<T> accumulate(const Tensor<T> &x, int64_t dim, bool reverse, F combine) {
  return cumulative(x, dim, reverse, [&](const Tensor<T> &state, int64_t k, bool isFirst) {
    Tensor<T> element = sliceDim(x, dim, k, k + 1);
    return isFirst ? element : combine(state, element);
  });
}
template <typename T> Tensor<T> cumsum(const Tensor<T> &x, int64_t dim = -1, bool reverse = false) {
  return accumulate(x, dim, reverse, [](auto &a, auto &b) { return a + b; });
}
template <typename T>
Tensor<T> cumprod(const Tensor<T> &x, int64_t dim = -1, bool reverse = false) {
  return accumulate(x, dim, reverse, [](auto &a, auto &b) { return a * b; });
}
template <typename T> Tensor<T> cummax(const Tensor<T> &x, int64_t dim = -1, bool reverse = false) {
  return accumulate(x, dim, reverse, [](auto &a, auto &b) { return max(a, b); });
}
template <typename T> Tensor<T> cummin(const Tensor<T> &x, int64_t dim = -1, bool reverse = false) {
  return accumulate(x, dim, reverse, [](auto &a, auto &b) { return min(a, b); });
}
template <typename T>
Tensor<T> cumlogsumexp(const Tensor<T> &x, int64_t dim = -1, bool reverse = false) {
  return accumulate(x, dim, reverse,
                    [](auto &a, auto &b) { return max(a, b) + log1p(exp(-abs(a - b))); });
}
/// s[k] = a[k] s[k-1] + b[k], from 0.
template <typename T>
Tensor<T> linearRecurrence(const Tensor<T> &a, const Tensor<T> &b, int64_t dim = -1,
                           bool reverse = false) {
  return cumulative(a, dim, reverse, [&](const Tensor<T> &state, int64_t k, bool isFirst) {
    Tensor<T> more = sliceDim(b, dim, k, k + 1);
    return isFirst ? more : sliceDim(a, dim, k, k + 1) * state + more;
  });
}

} // namespace weir::tape
