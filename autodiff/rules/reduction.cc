// Reductions. max and min share the derivative evenly among equal elements; the product is
// differentiated by halving, so that zeros among its factors, and any order, come out exact.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

/// The mean of the tangents of the elements equal to the extreme value; of no elements it is a
/// constant.
template <typename Op> static Value tangentOfExtreme(RuleBuilder &b, Op op, Value tangent) {
  for (int64_t dim : op.getDims())
    if (shapeOf(op.getOperand())[dim] == 0) return nullptr;
  Expr x(b, op.getOperand()), zero = x.number(0.0);
  Expr isExtreme = equal(x, {b, broadcastLike(b, op.getResult(), x, op.getDims())});
  Expr count(b, ReduceSumOp::create(b, select(isExtreme, x.number(1.0), zero), op.getDims()));
  Expr sum(b, ReduceSumOp::create(b, select(isExtreme, {b, tangent}, zero), op.getDims()));
  return sum * (1.0 / count);
}

/// Dims [from, to) of dim 0.
static Value rows(RuleBuilder &b, Value value, int64_t from, int64_t to) {
  SmallVector<int64_t> starts(tensorType(value).getRank(), 0), strides(starts.size(), 1),
      limits(shapeOf(value));
  starts[0] = from;
  limits[0] = to;
  return SliceOp::create(b, value, starts, limits, strides);
}

/// The reduced dims as one leading dim.
static Value reducedFirst(RuleBuilder &b, Value value, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> order(dims);
  int64_t count = 1;
  for (int64_t dim : dims) count *= shapeOf(value)[dim];
  SmallVector<int64_t> shape{count};
  for (int64_t dim = 0; dim < tensorType(value).getRank(); ++dim) {
    if (llvm::is_contained(dims, dim)) continue;
    order.push_back(dim);
    shape.push_back(shapeOf(value)[dim]);
  }
  return ReshapeOp::create(b, transposed(b, value, order), shape);
}

/// (p, t) for all factors by pairing the first half with the second: (p1 p2, t1 p2 + p1 t2),
/// log2(n) times.
static Value tangentOfProduct(RuleBuilder &b, ReduceProdOp op, Value tangent) {
  Value p = reducedFirst(b, op.getOperand(), op.getDims()),
        t = reducedFirst(b, tangent, op.getDims());
  int64_t count = shapeOf(p)[0];
  if (count == 0) return nullptr;
  for (; count > 1; count = shapeOf(p)[0]) {
    int64_t half = count / 2;
    Expr p1(b, rows(b, p, 0, half)), p2(b, rows(b, p, half, 2 * half));
    Expr t1(b, rows(b, t, 0, half)), t2(b, rows(b, t, half, 2 * half));
    Value product = p1 * p2, sum = t1 * p2 + t2 * p1;
    if (count % 2) {
      product = ConcatenateOp::create(b, ValueRange{product, rows(b, p, count - 1, count)}, 0);
      sum = ConcatenateOp::create(b, ValueRange{sum, rows(b, t, count - 1, count)}, 0);
    }
    p = product;
    t = sum;
  }
  return ReshapeOp::create(b, t, shapeOf(op.getResult()));
}

static Value transposeFold(RuleBuilder &b, FoldOp op, Value ct) {
  ArrayRef<int64_t> shape = shapeOf(op.getOperand());
  if (tensorType(op.getOperand()).getNumElements() == 0) return zerosLike(b, op.getOperand());
  ArrayRef<int64_t> window = shape.take_back(op.getDims().size());
  SmallVector<int64_t> high;
  for (auto [j, dim] : llvm::enumerate(op.getDims()))
    high.push_back((shape[dim] - 1) * op.getStrides()[j] + (window[j] - 1) * op.getDilations()[j] +
                   1 - op.getSizes()[j] - op.getLow()[j]);
  Value zero = zeros(b, RankedTensorType::get({}, tensorType(ct).getElementType()));
  return UnfoldOp::create(b, ct, zero, op.getDims(), window, op.getStrides(), op.getDilations(),
                          op.getLow(), high);
}

void addReductionRules(DerivativeRules &c) {
  linear<FoldOp>(c, transposeFold);
  linear<ReduceSumOp>(c, [](RuleBuilder &b, ReduceSumOp op, Value ct) {
    return broadcastLike(b, ct, op.getOperand(), op.getDims());
  });
  byHand<ReduceMaxOp>(c, tangentOfExtreme<ReduceMaxOp>);
  byHand<ReduceMinOp>(c, tangentOfExtreme<ReduceMinOp>);
  byHand<ReduceProdOp>(c, tangentOfProduct);
}

} // namespace weir::autodiff
