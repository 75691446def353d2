// gather, whose transpose is scatter_add, and dynamic slice and update, which are each other's.
// Indices are integers and have no derivative; gather clamps those out of range, as its transpose
// must.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static Value scatterOfGather(RuleBuilder &b, GatherOp op, Value ct) {
  Value indices = op.getIndices();
  double last = static_cast<double>(shapeOf(op.getOperand())[op.getDim()]) - 1;
  Value atLeastZero = MaxOp::create(b, indices, zerosLike(b, indices));
  Value clamped = MinOp::create(b, atLeastZero, splat(b, indices.getType(), last));
  return ScatterAddOp::create(b, zerosLike(b, op.getOperand()), clamped, ct, op.getDim(),
                              op.getBatchDims());
}

static Value transposeUpdate(RuleBuilder &b, DynamicUpdateSliceOp op, Value ct, unsigned operand) {
  if (operand == 0)
    return DynamicUpdateSliceOp::create(b, ct, zerosLike(b, op.getUpdate()), op.getStarts());
  return DynamicSliceOp::create(b, ct, op.getStarts(), shapeOf(op.getUpdate()));
}

void addIndexingRules(DerivativeRules &c) {
  linear<GatherOp>(c, scatterOfGather);
  linear<DynamicSliceOp>(c, [](RuleBuilder &b, DynamicSliceOp op, Value ct) {
    return DynamicUpdateSliceOp::create(b, zerosLike(b, op.getOperand()), ct, op.getStarts());
  });
  linear<DynamicUpdateSliceOp>(c, transposeUpdate);
}

} // namespace weir::autodiff
