// Layout ops move values, so each is linear and its transpose moves cotangents back; positions that
// nobody filled get zeros, and a value that was copied to several positions gets the sum of their
// cotangents.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static Value unbroadcast(RuleBuilder &b, BroadcastOp op, Value ct) {
  SmallVector<int64_t> repeated;
  for (int64_t dim = 0; dim < tensorType(ct).getRank(); ++dim)
    if (!llvm::is_contained(op.getDims(), dim)) repeated.push_back(dim);
  return repeated.empty() ? ct : Value(ReduceSumOp::create(b, ct, repeated));
}

static Value inverseTranspose(RuleBuilder &b, TransposeOp op, Value ct) {
  SmallVector<int64_t> inverse(op.getPermutation().size());
  for (auto [to, from] : llvm::enumerate(op.getPermutation())) inverse[from] = to;
  return TransposeOp::create(b, ct, inverse);
}

/// Cotangents go back to where the slice took its elements from.
static Value unslice(RuleBuilder &b, SliceOp op, Value ct) {
  SmallVector<int64_t> low, high, interior;
  for (auto [dim, size] : llvm::enumerate(shapeOf(op.getOperand()))) {
    int64_t count = shapeOf(ct)[dim], stride = op.getStrides()[dim];
    int64_t start = count ? op.getStarts()[dim] : 0;
    int64_t span = count ? (count - 1) * stride + 1 : 0;
    low.push_back(start);
    high.push_back(size - start - span);
    interior.push_back(stride - 1);
  }
  return PadOp::create(b, ct, zeros(b, RankedTensorType::get({}, tensorType(ct).getElementType())),
                       low, high, interior);
}

/// Operand 0 gets what lies at its positions, operand 1 (the padding value) the sum of the rest.
static Value unpad(RuleBuilder &b, PadOp op, Value ct, unsigned operand) {
  if (operand == 1) {
    Value inside = splat(b, tensorType(op.getOperand()).clone(b.getI1Type()), 0);
    Value outside = splat(b, RankedTensorType::get({}, b.getI1Type()), 1);
    Value mask = PadOp::create(b, inside, outside, op.getLow(), op.getHigh(), op.getInterior());
    return sumOfAll(b, SelectOp::create(b, mask, ct, zerosLike(b, ct)));
  }
  SmallVector<int64_t> limits, strides;
  for (auto [dim, size] : llvm::enumerate(shapeOf(op.getOperand()))) {
    int64_t stride = op.getInterior()[dim] + 1;
    strides.push_back(stride);
    limits.push_back(op.getLow()[dim] + (size ? (size - 1) * stride + 1 : 0));
  }
  return SliceOp::create(b, ct, op.getLow(), limits, strides);
}

/// Operand 0 gets the sum over the windows that hold each element, operand 1 that of the rest.
static Value transposeUnfold(RuleBuilder &b, UnfoldOp op, Value ct, unsigned operand) {
  if (operand == 1) {
    Value inside = splat(b, tensorType(op.getOperand()).clone(b.getI1Type()), 0);
    Value outside = splat(b, RankedTensorType::get({}, b.getI1Type()), 1);
    Value mask = UnfoldOp::create(b, inside, outside, op.getDims(), op.getWindow(), op.getStrides(),
                                  op.getDilations(), op.getLow(), op.getHigh());
    return sumOfAll(b, SelectOp::create(b, mask, ct, zerosLike(b, ct)));
  }
  SmallVector<int64_t> sizes;
  for (int64_t dim : op.getDims()) sizes.push_back(shapeOf(op.getOperand())[dim]);
  return FoldOp::create(b, ct, op.getDims(), sizes, op.getStrides(), op.getDilations(),
                        op.getLow());
}

/// The part of the cotangent that input `operand` filled.
static Value unconcatenate(RuleBuilder &b, ConcatenateOp op, Value ct, unsigned operand) {
  SmallVector<int64_t> starts(tensorType(ct).getRank(), 0), strides(starts.size(), 1),
      limits(shapeOf(ct));
  int64_t dim = op.getDim();
  for (Value before : op.getInputs().take_front(operand)) starts[dim] += shapeOf(before)[dim];
  limits[dim] = starts[dim] + shapeOf(op.getInputs()[operand])[dim];
  return SliceOp::create(b, ct, starts, limits, strides);
}

void addLayoutRules(DerivativeRules &c) {
  linear<BroadcastOp>(c, unbroadcast);
  linear<ReshapeOp>(c, [](RuleBuilder &b, ReshapeOp op, Value ct) {
    return ReshapeOp::create(b, ct, shapeOf(op.getOperand()));
  });
  linear<TransposeOp>(c, inverseTranspose);
  linear<SliceOp>(c, unslice);
  linear<PadOp>(c, unpad);
  linear<UnfoldOp>(c, transposeUnfold);
  linear<ConcatenateOp>(c, unconcatenate);
  linear<ReverseOp>(c, [](RuleBuilder &b, ReverseOp op, Value ct) {
    return ReverseOp::create(b, ct, op.getDims());
  });
}

} // namespace weir::autodiff
