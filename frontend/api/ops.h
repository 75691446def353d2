// The free functions: one for each primitive op of the dialect, and the everyday compositions of
// them. Elementwise functions of two tensors broadcast as NumPy does; dims may be negative,
// counting from the end. Every function throws Error with the caller's file and line when shapes or
// dtypes do not fit.
#pragma once

#include "frontend/api/tensor.h"

namespace weir {

// ---- Elementwise, one operand. Floats unless noted; the result has the operand's type. ----
// X(function, op of the dialect). Integers too: abs neg sign; integers only: popcnt (bits set),
// countLeadingZeros. round takes halves away from zero, roundEven to the even neighbour.
#define WEIR_UNARY_FUNCTIONS(X)                                                                    \
  X(abs, abs)                                                                                      \
  X(neg, neg)                                                                                      \
  X(sign, sign)                                                                                    \
  X(exp, exp)                                                                                      \
  X(expm1, expm1)                                                                                  \
  X(log, log)                                                                                      \
  X(log1p, log1p)                                                                                  \
  X(sqrt, sqrt) X(rsqrt, rsqrt) X(cbrt, cbrt) X(tanh, tanh) X(logistic, logistic) X(sin, sin)      \
      X(cos, cos) X(tan, tan) X(erf, erf) X(erfc, erfc) X(erfInv, erf_inv) X(lgamma, lgamma)       \
          X(digamma, digamma) X(floor, floor) X(ceil, ceil) X(round, round)                        \
              X(roundEven, round_even) X(isFinite, is_finite) X(logicalNot, not) X(popcnt, popcnt) \
                  X(countLeadingZeros, count_leading_zeros)
#define WEIR_DECLARE_UNARY(function, op) Tensor function(Arg x);
WEIR_UNARY_FUNCTIONS(WEIR_DECLARE_UNARY)
#undef WEIR_DECLARE_UNARY
// isFinite gives i1; logicalNot takes i1 (truth) or integers (bits).

// ---- Elementwise, two operands of one dtype, broadcast against each other. ----
// max and min of NaN are NaN. Shifts fill with zeros (logical) or the sign (arithmetic).
// zeta(x, q) is Hurwitz's, sum over k >= 0 of (k + q)^-x, differentiable in q only.
#define WEIR_BINARY_FUNCTIONS(X)                                                                   \
  X(add, add)                                                                                      \
  X(sub, sub)                                                                                      \
  X(mul, mul)                                                                                      \
  X(div, div)                                                                                      \
  X(pow, pow)                                                                                      \
  X(max, max)                                                                                      \
  X(min, min)                                                                                      \
  X(atan2, atan2) X(zeta, zeta) X(rem, rem) X(logicalAnd, and) X(logicalOr, or) X(logicalXor, xor) \
      X(shiftLeft, shift_left) X(shiftRightLogical, shift_right_logical)                           \
          X(shiftRightArithmetic, shift_right_arithmetic)
#define WEIR_DECLARE_BINARY(function, op) Tensor function(Arg lhs, Arg rhs);
WEIR_BINARY_FUNCTIONS(WEIR_DECLARE_BINARY)
#undef WEIR_DECLARE_BINARY

enum class Direction { Eq, Ne, Lt, Le, Gt, Ge };
/// -> i1. The operators == != < <= > >= are the same.
Tensor compare(Arg lhs, Arg rhs, Direction direction);
/// onTrue where pred is true, else onFalse; all three broadcast.
Tensor select(Arg pred, Arg onTrue, Arg onFalse);
/// Float to integer truncates; to i1 is `!= 0`.
Tensor convert(Arg x, DType to);
/// The same bits as another dtype of the same width.
Tensor bitcast(Arg x, DType to);
inline Tensor square(Arg x) {
  return mul(x, x);
}
/// max(x, 0).
Tensor relu(Arg x);
/// Between lo and hi.
Tensor clamp(Arg x, Arg lo, Arg hi);

// ---- Layout. ----
/// NumPy's broadcast_to: sizes are matched from the last dim backwards, size 1 is repeated.
Tensor broadcastTo(Arg x, Shape shape);
/// The primitive: dim i of x becomes dim dims[i] of the result; dims increase, sizes agree.
Tensor broadcast(Arg x, Shape shape, std::vector<int64_t> dims);
/// One size may be -1: what is left.
Tensor reshape(Arg x, Shape shape);
/// Inserts a dim of size 1 before `dim` (-1: at the end).
Tensor expandDims(Arg x, int64_t dim);
/// Removes dim `dim`, of size 1.
Tensor squeeze(Arg x, int64_t dim);
/// Result dim i is x's dim permutation[i]; without a permutation all dims are reversed.
Tensor transpose(Arg x, std::vector<int64_t> permutation = {});
/// Elements starts, starts+strides, ... below limits, in every dim.
Tensor slice(Arg x, std::vector<int64_t> starts, std::vector<int64_t> limits,
             std::vector<int64_t> strides = {});
/// Elements [start, limit) of one dim; negative positions count from the end.
Tensor sliceDim(Arg x, int64_t dim, int64_t start, int64_t limit);
/// `parts` equal parts along one dim.
std::vector<Tensor> split(Arg x, int64_t parts, int64_t dim = -1);
/// low[i] copies of the scalar `value` before dim i, high[i] after it, interior[i] between
/// elements.
Tensor pad(Arg x, Arg value, std::vector<int64_t> low, std::vector<int64_t> high,
           std::vector<int64_t> interior = {});
Tensor concatenate(const std::vector<Tensor> &xs, int64_t dim, Location at = Location::current());
Tensor reverse(Arg x, std::vector<int64_t> dims);

// ---- Reductions. ----
/// The dims to reduce: all of them by default, one, or a list.
struct Dims {
  Dims() = default;
  Dims(int64_t dim) : all(false), list{dim} {}
  Dims(std::initializer_list<int64_t> dims) : all(false), list(dims) {}
  Dims(std::vector<int64_t> dims) : all(false), list(std::move(dims)) {}
  bool all = true;
  std::vector<int64_t> list;
};
/// Reduced dims vanish, or stay with size 1 where keepDims.
#define WEIR_REDUCTION_FUNCTIONS(X)                                                                \
  X(reduceSum, reduce_sum)                                                                         \
  X(reduceMax, reduce_max)                                                                         \
  X(reduceMin, reduce_min)                                                                         \
  X(reduceProd, reduce_prod) X(reduceAnd, reduce_and) X(reduceOr, reduce_or)
#define WEIR_DECLARE_REDUCTION(function, op)                                                       \
  Tensor function(Arg x, Dims dims = {}, bool keepDims = false);
WEIR_REDUCTION_FUNCTIONS(WEIR_DECLARE_REDUCTION)
#undef WEIR_DECLARE_REDUCTION
Tensor sum(Arg x, Dims dims = {}, bool keepDims = false);
/// Floats only.
Tensor mean(Arg x, Dims dims = {}, bool keepDims = false);
/// Population variance (divides by the count).
Tensor variance(Arg x, Dims dims = {}, bool keepDims = false);
/// Index of the first largest (smallest) element along dim -> i32; a NaN comes before all others.
Tensor argmax(Arg x, int64_t dim = -1);
Tensor argmin(Arg x, int64_t dim = -1);
/// log(sum(exp(x))) along dim, stable.
Tensor logsumexp(Arg x, int64_t dim = -1, bool keepDims = false);

// ---- Cumulative: x's shape; each element combines all up to itself along dim (from the end where
// reverse). cumlogsumexp takes floats, the others integers too. ----
#define WEIR_CUMULATIVE_FUNCTIONS(X)                                                               \
  X(cumsum, cumulative_sum)                                                                        \
  X(cumprod, cumulative_prod)                                                                      \
  X(cummax, cumulative_max)                                                                        \
  X(cummin, cumulative_min) X(cumlogsumexp, cumulative_logsumexp)
#define WEIR_DECLARE_CUMULATIVE(function, op)                                                      \
  Tensor function(Arg x, int64_t dim = -1, bool reverse = false);
WEIR_CUMULATIVE_FUNCTIONS(WEIR_DECLARE_CUMULATIVE)
#undef WEIR_DECLARE_CUMULATIVE
/// s[i] = a[i] * s[i-1] + b[i] along dim with s[-1] = 0 (from the end where reverse). a, b: one
/// float type.
Tensor linearRecurrence(Arg a, Arg b, int64_t dim = -1, bool reverse = false);

// ---- Order. Stable; -0 equals +0, and NaN is above inf. ----
/// Sorts along dim by the first numKeys tensors in turn; the others go along. All have one shape.
std::vector<Tensor> sort(const std::vector<Tensor> &xs, int64_t dim = -1, int64_t numKeys = 1,
                         bool descending = false, Location at = Location::current());
Tensor sort(Arg x, int64_t dim = -1, bool descending = false);
/// The positions that sort x along dim -> i32.
Tensor argsort(Arg x, int64_t dim = -1, bool descending = false);
/// The k largest along dim, largest first, and their positions (i32).
std::pair<Tensor, Tensor> topK(Arg x, int64_t k, int64_t dim = -1);

// ---- Contraction. ----
struct DotDims {
  std::vector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;
};
/// Result dims: batch, then lhs's free, then rhs's free dims.
Tensor dot(Arg lhs, Arg rhs, DotDims dims);
/// NumPy's matmul: [..., m, k] x [..., k, n] -> [..., m, n]; vectors lose their dim; batches
/// broadcast.
Tensor matmul(Arg lhs, Arg rhs);

// ---- Windows. ----
/// One entry for each spatial dim; an empty list is ones (strides, dilations) or zeros (low, high).
/// low and high pad with zeros, and crop where negative; lhsDilation puts zeros between elements.
struct ConvolutionWindow {
  std::vector<int64_t> strides, low, high, lhsDilation, rhsDilation;
};
/// The primitive, with the group as a dim: [N, G, C, spatial...] * [G, O, C, window...] -> [N, G,
/// O, out...]; 0 to 3 spatial dims. Correlation, as in all of machine learning: the window is not
/// reversed. out = floor((dilated + low + high - dilated window) / stride) + 1, at least 0.
Tensor convolution(Arg lhs, Arg rhs, ConvolutionWindow window = {});

struct ConvOptions {
  ConvolutionWindow window;
  int64_t groups = 1;      ///< Divides the features of lhs and the outputs.
  int64_t batchGroups = 1; ///< Divides the batch of lhs and the outputs.
  /// Where batch (rhs: output), feature (rhs: input) and the spatial dims are; empty: 0, 1, 2, ...
  std::vector<int64_t> lhsDims, rhsDims, outDims;
};
/// [N, features, spatial...] * [outputs, features / groups, window...] -> [N, outputs, out...], or
/// any other order of dims. Source: XLA's conv_general_dilated.
Tensor conv(Arg lhs, Arg rhs, ConvOptions options = {});

/// Windows along `dims`, one entry each; empty strides and dilations are ones, low and high zeros.
struct Windows {
  std::vector<int64_t> dims, sizes, strides, dilations, low, high;
};
/// The windows of x as new last dims, one for each of windows.dims: [..., out, ..., sizes...];
/// `value` where they reach outside. Pooling is a reduction over these.
Tensor unfold(Arg x, Arg value, Windows windows);
/// The adjoint: sums windows [..., out, ..., sizes...] back to where they were read, in a tensor
/// whose dims windows.dims have `shape`. windows.sizes and high are not needed.
Tensor fold(Arg x, Windows windows, std::vector<int64_t> shape);

// ---- Indexing. Indices are i32 or i64. ----
/// operand[..., indices, ...] along dim; the first batchDims dims are shared. Out of range clamps.
Tensor gather(Arg operand, Arg indices, int64_t dim, int64_t batchDims = 0);
/// Rows (or slices along dim) of x by index: [i..., rest].
inline Tensor take(Arg x, Arg indices, int64_t dim = 0) {
  return gather(x, indices, dim);
}
/// operand with updates added (multiplied, ...) at the places that gather would read. Out of range
/// is dropped; where indices repeat, the last update that scatterSet sees stays.
#define WEIR_SCATTER_FUNCTIONS(X)                                                                  \
  X(scatterAdd, scatter_add)                                                                       \
  X(scatterMul, scatter_mul)                                                                       \
  X(scatterMax, scatter_max)                                                                       \
  X(scatterMin, scatter_min) X(scatterSet, scatter_set)
#define WEIR_DECLARE_SCATTER(function, op)                                                         \
  Tensor function(Arg operand, Arg indices, Arg updates, int64_t dim, int64_t batchDims = 0);
WEIR_SCATTER_FUNCTIONS(WEIR_DECLARE_SCATTER)
#undef WEIR_DECLARE_SCATTER
/// A window of fixed sizes at scalar starts, one a dim; starts clamp.
Tensor dynamicSlice(Arg operand, const std::vector<Arg> &starts, Shape sizes);
Tensor dynamicUpdateSlice(Arg operand, Arg update, const std::vector<Arg> &starts);
/// 1 where the index along the new last dim equals the label, else 0: [...] -> [..., classes].
Tensor oneHot(Arg labels, int64_t classes, DType dtype = f32);

// ---- Random numbers: pure functions of an explicit key, i32[2] (Philox 4x32-10). ----
/// 32 random bits an element -> i32.
Tensor randomBits(Arg key, Shape shape);
/// In [0, 1).
Tensor uniform(Arg key, Shape shape, DType dtype = f32);
/// Mean 0, variance 1.
Tensor normal(Arg key, Shape shape, DType dtype = f32);

// ---- Creation: in the graph of another tensor; Graph has the same by name. ----
/// `value` everywhere, with x's type.
Tensor fullLike(Arg x, double value);
inline Tensor zerosLike(Arg x) {
  return fullLike(x, 0);
}
inline Tensor onesLike(Arg x) {
  return fullLike(x, 1);
}

// ---- Scheduling hints. ----
/// Identity that common subexpression elimination does not cross.
std::vector<Tensor> barrier(const std::vector<Tensor> &xs, Location at = Location::current());
/// x, but no gradient flows through it.
Tensor stopGradient(Arg x);

} // namespace weir
