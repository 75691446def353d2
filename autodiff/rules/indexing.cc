// Indexing ops: gather and scatter_add are each other's transposes, as are dynamic slice and
// update. Indices are integers and have no derivative; gather clamps those out of range and
// scatter_add drops them, which the transposes undo.
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

/// The operand passes through; updates gather what they were added to, zero where they were
/// dropped.
static Value transposeScatter(RuleBuilder &b, ScatterAddOp op, Value ct, unsigned operand) {
  if (operand == 0) return ct;
  Expr indices(b, op.getIndices());
  Value picked = GatherOp::create(b, ct, indices, op.getDim(), op.getBatchDims());
  Expr size = indices.number(static_cast<double>(shapeOf(ct)[op.getDim()]));
  Value inRange = AndOp::create(b, compare(CompareDirection::ge, indices, indices.number(0)),
                                less(indices, size));
  // The indices' dims in `picked`: the shared batch, then the others from `dim` on.
  SmallVector<int64_t> dims;
  int64_t batch = op.getBatchDims();
  for (int64_t dim = 0; dim < tensorType(indices).getRank(); ++dim)
    dims.push_back(dim < batch ? dim : dim - batch + static_cast<int64_t>(op.getDim()));
  Value mask = BroadcastOp::create(b, inRange, shapeOf(picked), dims);
  return SelectOp::create(b, mask, picked, zerosLike(b, picked));
}

static Value transposeUpdate(RuleBuilder &b, DynamicUpdateSliceOp op, Value ct, unsigned operand) {
  if (operand == 0)
    return DynamicUpdateSliceOp::create(b, ct, zerosLike(b, op.getUpdate()), op.getStarts());
  return DynamicSliceOp::create(b, ct, op.getStarts(), shapeOf(op.getUpdate()));
}

void addIndexingRules(DerivativeRules &c) {
  linear<GatherOp>(c, scatterOfGather);
  linear<ScatterAddOp>(c, transposeScatter);
  linear<DynamicSliceOp>(c, [](RuleBuilder &b, DynamicSliceOp op, Value ct) {
    return DynamicUpdateSliceOp::create(b, zerosLike(b, op.getOperand()), ct, op.getStarts());
  });
  linear<DynamicUpdateSliceOp>(c, transposeUpdate);
}

} // namespace weir::autodiff
