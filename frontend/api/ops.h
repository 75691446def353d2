// The free functions: one for each primitive op of the dialect, and the everyday compositions of
// them. Elementwise functions of two tensors broadcast as NumPy does; dims may be negative,
// counting from the end. Every function throws Error with the caller's file and line when shapes or
// dtypes do not fit.
#pragma once

#include "frontend/api/tensor.h"

namespace weir {

// ---- Elementwise, one operand. Floats unless noted; the result has the operand's type. ----
// X(function, op of the dialect). Integers too: abs neg sign.
#define WEIR_UNARY_FUNCTIONS(X)                                                                    \
  X(abs, abs)                                                                                      \
  X(neg, neg)                                                                                      \
  X(sign, sign)                                                                                    \
  X(exp, exp)                                                                                      \
  X(expm1, expm1)                                                                                  \
  X(log, log) X(log1p, log1p) X(sqrt, sqrt) X(rsqrt, rsqrt) X(cbrt, cbrt) X(tanh, tanh)            \
      X(logistic, logistic) X(sin, sin) X(cos, cos) X(tan, tan) X(erf, erf) X(floor, floor)        \
          X(ceil, ceil) X(roundEven, round_even) X(isFinite, is_finite) X(logicalNot, not)
#define WEIR_DECLARE_UNARY(function, op) Tensor function(Arg x);
WEIR_UNARY_FUNCTIONS(WEIR_DECLARE_UNARY)
#undef WEIR_DECLARE_UNARY
// isFinite gives i1; logicalNot takes i1 (truth) or integers (bits).

// ---- Elementwise, two operands of one dtype, broadcast against each other. ----
// max and min of NaN are NaN. Shifts fill with zeros (logical) or the sign (arithmetic).
#define WEIR_BINARY_FUNCTIONS(X)                                                                   \
  X(add, add)                                                                                      \
  X(sub, sub)                                                                                      \
  X(mul, mul)                                                                                      \
  X(div, div)                                                                                      \
  X(pow, pow)                                                                                      \
  X(max, max) X(min, min) X(atan2, atan2) X(rem, rem) X(logicalAnd, and) X(logicalOr, or)          \
      X(logicalXor, xor) X(shiftLeft, shift_left) X(shiftRightLogical, shift_right_logical)        \
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
/// Index of the first largest element along dim -> i32.
Tensor argmax(Arg x, int64_t dim = -1);
/// log(sum(exp(x))) along dim, stable.
Tensor logsumexp(Arg x, int64_t dim = -1, bool keepDims = false);

// ---- Contraction. ----
struct DotDims {
  std::vector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;
};
/// Result dims: batch, then lhs's free, then rhs's free dims.
Tensor dot(Arg lhs, Arg rhs, DotDims dims);
/// NumPy's matmul: [..., m, k] x [..., k, n] -> [..., m, n]; vectors lose their dim; batches
/// broadcast.
Tensor matmul(Arg lhs, Arg rhs);

// ---- Indexing. Indices are i32 or i64. ----
/// operand[..., indices, ...] along dim; the first batchDims dims are shared. Out of range clamps.
Tensor gather(Arg operand, Arg indices, int64_t dim, int64_t batchDims = 0);
/// Rows (or slices along dim) of x by index: [i..., rest].
inline Tensor take(Arg x, Arg indices, int64_t dim = 0) {
  return gather(x, indices, dim);
}
/// operand with updates added at the places that gather would read. Out of range is dropped.
Tensor scatterAdd(Arg operand, Arg indices, Arg updates, int64_t dim, int64_t batchDims = 0);
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
