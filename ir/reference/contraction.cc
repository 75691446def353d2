// dot and convolution: for each element of the result, the sum over the contracted dims in
// ascending order, in f64 for floats.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"
#include "ir/reference/scalar.h"

#include <cmath>

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using Index = llvm::ArrayRef<int64_t>;

namespace {

/// How the result's dims and the contracted dims run through the two operands: strides, 0 where one
/// does not have the dim.
struct DotLoops {
  llvm::SmallVector<int64_t> lhsOuter, rhsOuter;        // a result dim
  llvm::SmallVector<int64_t> sizes, lhsInner, rhsInner; // a contracted dim
};

/// A sum of products and what its bound is made of.
struct Sum {
  double f = 0;
  int64_t i = 0;
  double terms = 0, carried = 0;
};

} // namespace

static DotLoops loopsOf(DotOp op, const NdArray &lhs, const NdArray &rhs) {
  DotLoops loops;
  auto lhsStrides = stridesOf(lhs.dims), rhsStrides = stridesOf(rhs.dims);
  for (auto [l, r] : llvm::zip(op.getLhsBatch(), op.getRhsBatch())) {
    loops.lhsOuter.push_back(lhsStrides[l]);
    loops.rhsOuter.push_back(rhsStrides[r]);
  }
  for (int64_t d = 0; d < lhs.rank(); ++d)
    if (!llvm::is_contained(op.getLhsBatch(), d) && !llvm::is_contained(op.getLhsContract(), d)) {
      loops.lhsOuter.push_back(lhsStrides[d]);
      loops.rhsOuter.push_back(0);
    }
  for (int64_t d = 0; d < rhs.rank(); ++d)
    if (!llvm::is_contained(op.getRhsBatch(), d) && !llvm::is_contained(op.getRhsContract(), d)) {
      loops.lhsOuter.push_back(0);
      loops.rhsOuter.push_back(rhsStrides[d]);
    }
  for (auto [l, r] : llvm::zip(op.getLhsContract(), op.getRhsContract())) {
    loops.sizes.push_back(lhs.dims[l]);
    loops.lhsInner.push_back(lhsStrides[l]);
    loops.rhsInner.push_back(rhsStrides[r]);
  }
  return loops;
}

static void accumulate(Sum &sum, const NdArray &lhs, int64_t l, const NdArray &rhs, int64_t r) {
  if (!lhs.isFloat()) {
    sum.i = scalar::add(sum.i, scalar::mul(lhs.ints[l], rhs.ints[r]));
    sum.carried += lhs.errorAt(l) + rhs.errorAt(r); // 0 or infinity
    return;
  }
  double a = lhs.floats[l], b = rhs.floats[r];
  sum.f += a * b;
  if (lhs.errors.empty() && rhs.errors.empty()) {
    sum.terms += std::abs(a * b);
    return;
  }
  double ea = lhs.errorAt(l), eb = rhs.errorAt(r);
  sum.terms += std::abs(a * b);
  sum.carried += (ea ? ea * std::abs(b) : 0) + (eb ? eb * (std::abs(a) + ea) : 0);
}

static LogicalResult evaluateDot(DotOp op, Frame &frame) {
  const NdArray &lhs = frame.operand(op, 0), &rhs = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  DotLoops loops = loopsOf(op, lhs, rhs);
  double count = 1;
  for (int64_t size : loops.sizes) count *= size;
  forEachIndex(result.dims, [&](Index outer, int64_t flat) {
    Sum sum;
    int64_t l = flatten(outer, loops.lhsOuter), r = flatten(outer, loops.rhsOuter);
    forEachIndex(loops.sizes, [&](Index inner, int64_t) {
      accumulate(sum, lhs, l + flatten(inner, loops.lhsInner), rhs,
                 r + flatten(inner, loops.rhsInner));
    });
    result.store(flat, {sum.f, sum.i}, frame.mode());
    if (frame.mode().bounds)
      result.setError(flat, sum.carried + contractError(result.dtype, sum.terms, count));
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// Where in lhs the result position `x` reads with window element `k`; false: it reads a zero.
static bool lhsPosition(ConvolutionOp op, Index x, Index k, Index sizes,
                        llvm::MutableArrayRef<int64_t> at) {
  for (size_t d = 0; d < x.size(); ++d) {
    int64_t padded = x[d] * op.getStrides()[d] + k[d] * op.getRhsDilation()[d] - op.getLow()[d];
    int64_t dilation = op.getLhsDilation()[d];
    if (padded < 0 || padded % dilation != 0 || padded / dilation >= sizes[d]) return false;
    at[d] = padded / dilation;
  }
  return true;
}

static LogicalResult evaluateConvolution(ConvolutionOp op, Frame &frame) {
  const NdArray &lhs = frame.operand(op, 0), &rhs = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  auto lhsStrides = stridesOf(lhs.dims), rhsStrides = stridesOf(rhs.dims);
  Index sizes = Index(lhs.dims).drop_front(3), inner = Index(rhs.dims).drop_front(2); // c, k...
  double count = 1;
  for (int64_t size : inner) count *= size;
  forEachIndex(result.dims, [&](Index out, int64_t flat) {
    Sum sum;
    forEachIndex(inner, [&](Index ck, int64_t) {
      llvm::SmallVector<int64_t, 6> l = {out[0], out[1], ck[0]}, r = {out[1], out[2]};
      l.resize(lhs.rank());
      if (!lhsPosition(op, out.drop_front(3), ck.drop_front(), sizes,
                       llvm::MutableArrayRef<int64_t>(l).drop_front(3)))
        return;
      r.append(ck.begin(), ck.end());
      accumulate(sum, lhs, flatten(l, lhsStrides), rhs, flatten(r, rhsStrides));
    });
    result.store(flat, {sum.f, sum.i}, frame.mode());
    if (frame.mode().bounds)
      result.setError(flat, sum.carried + contractError(result.dtype, sum.terms, count));
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

void addContraction(Evaluators &evaluators) {
  evaluators.add<DotOp>(evaluateDot);
  evaluators.add<ConvolutionOp>(evaluateConvolution);
}

} // namespace weir::ir::reference
