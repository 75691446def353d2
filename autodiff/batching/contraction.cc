// Contractions: two batched operands make the batch a batch dim of the dot, or groups of the
// convolution; one makes it a free dim, so that nothing is computed twice.
#include "autodiff/batching/batch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static SmallVector<int64_t> plusOne(ArrayRef<int64_t> dims) {
  return llvm::map_to_vector(dims, [](int64_t dim) { return dim + 1; });
}

FailureOr<bool> batchDot(Batch &batch, Operation *op, RuleBuilder &b) {
  auto dot = cast<DotOp>(op);
  bool left = batch.differs(dot.getLhs()), right = batch.differs(dot.getRhs());
  auto moved = [](bool differs, ArrayRef<int64_t> dims) {
    return differs ? plusOne(dims) : SmallVector<int64_t>(dims);
  };
  SmallVector<int64_t> lhsBatch = moved(left, dot.getLhsBatch()),
                       rhsBatch = moved(right, dot.getRhsBatch());
  // Result dims are batch, lhs free, rhs free.
  int64_t at = dot.getLhsBatch().size();
  if (left && right) {
    lhsBatch.insert(lhsBatch.begin(), 0);
    rhsBatch.insert(rhsBatch.begin(), 0);
    at = 0;
  } else if (right) {
    at += dot.lhsFree().size();
  }
  Value result =
      DotOp::create(b, batch.copy(dot.getLhs()), batch.copy(dot.getRhs()), lhsBatch, rhsBatch,
                    moved(left, dot.getLhsContract()), moved(right, dot.getRhsContract()));
  batch.bind(dot.getResult(), withDimAt(b, result, at, 0));
  return true;
}

/// `value` with dims `dim` and `dim + 1` as one.
static Value merged(RuleBuilder &b, Value value, int64_t dim) {
  SmallVector<int64_t> shape(shapeOf(value));
  shape[dim] *= shape[dim + 1];
  shape.erase(shape.begin() + dim + 1);
  return ReshapeOp::create(b, value, shape);
}

/// `value` with dim `dim` as two, the first of `size`.
static Value cut(RuleBuilder &b, Value value, int64_t dim, int64_t size, int64_t rest) {
  SmallVector<int64_t> shape(shapeOf(value));
  shape[dim] = rest;
  shape.insert(shape.begin() + dim, size);
  return ReshapeOp::create(b, value, shape);
}

/// [N, G, C, ...] with [G, O, C, ...] -> [N, G, O, ...]: a batch of lhs goes into N, one of rhs
/// into O, one of both into G.
FailureOr<bool> batchConvolution(Batch &batch, Operation *op, RuleBuilder &b) {
  auto conv = cast<ConvolutionOp>(op);
  bool left = batch.differs(conv.getLhs()), right = batch.differs(conv.getRhs());
  Value lhs = batch.copy(conv.getLhs()), rhs = batch.copy(conv.getRhs());
  // The dim of each that takes the batch, without it.
  int64_t ofLhs = right ? 1 : 0, ofRhs = left ? 0 : 1, ofResult = left ? ofLhs : 2;
  if (left) lhs = merged(b, withDimAt(b, lhs, 0, ofLhs), ofLhs);
  if (right) rhs = merged(b, withDimAt(b, rhs, 0, ofRhs), ofRhs);
  Value result =
      ConvolutionOp::create(b, lhs, rhs, conv.getStrides(), conv.getLow(), conv.getHigh(),
                            conv.getLhsDilation(), conv.getRhsDilation());
  int64_t rest = shapeOf(conv.getResult())[ofResult];
  batch.bind(conv.getResult(),
             withDimAt(b, cut(b, result, ofResult, batch.size, rest), ofResult, 0));
  return true;
}

} // namespace weir::autodiff
