// Layout ops: every result element is an operand element (or the pad value), so each op says only
// where from.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using Index = llvm::ArrayRef<int64_t>;

void copyElement(const NdArray &from, int64_t source, NdArray &to, int64_t at) {
  if (from.isFloat())
    to.floats[at] = from.floats[source];
  else
    to.ints[at] = from.ints[source];
  to.setError(at, from.errorAt(source));
}

/// result[index] = operand 0 at `source(index)`.
static LogicalResult rearrange(mlir::Operation *op, Frame &frame,
                               llvm::function_ref<int64_t(Index)> source) {
  const NdArray &from = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  forEachIndex(result.dims,
               [&](Index index, int64_t flat) { copyElement(from, source(index), result, flat); });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult evaluateBroadcast(BroadcastOp op, Frame &frame) {
  auto strides = stridesOf(frame.operand(op, 0).dims);
  return rearrange(op, frame, [&](Index index) {
    int64_t at = 0;
    for (auto [d, stride] : llvm::zip(op.getDims(), strides)) at += index[d] * stride;
    return at;
  });
}

static LogicalResult evaluateReshape(ReshapeOp op, Frame &frame) {
  auto strides = stridesOf(resultArray(op->getResult(0)).dims);
  return rearrange(op, frame, [&](Index index) { return flatten(index, strides); });
}

static LogicalResult evaluateTranspose(TransposeOp op, Frame &frame) {
  auto strides = stridesOf(frame.operand(op, 0).dims);
  return rearrange(op, frame, [&](Index index) {
    int64_t at = 0;
    for (auto [i, d] : llvm::zip(index, op.getPermutation())) at += i * strides[d];
    return at;
  });
}

static LogicalResult evaluateSlice(SliceOp op, Frame &frame) {
  auto strides = stridesOf(frame.operand(op, 0).dims);
  return rearrange(op, frame, [&](Index index) {
    int64_t at = 0;
    for (auto [i, start, step, stride] : llvm::zip(index, op.getStarts(), op.getStrides(), strides))
      at += (start + i * step) * stride;
    return at;
  });
}

static LogicalResult evaluateReverse(ReverseOp op, Frame &frame) {
  const NdArray &from = frame.operand(op, 0);
  auto strides = stridesOf(from.dims);
  return rearrange(op, frame, [&](Index index) {
    int64_t at = 0;
    for (int64_t d = 0; d < from.rank(); ++d)
      at += (llvm::is_contained(op.getDims(), d) ? from.dims[d] - 1 - index[d] : index[d]) *
            strides[d];
    return at;
  });
}

static LogicalResult evaluatePad(PadOp op, Frame &frame) {
  const NdArray &from = frame.operand(op, 0), &value = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  auto strides = stridesOf(result.dims);
  for (int64_t flat = 0; flat < result.size(); ++flat) copyElement(value, 0, result, flat);
  forEachIndex(from.dims, [&](Index index, int64_t flat) {
    int64_t at = 0;
    for (auto [i, low, interior, stride] : llvm::zip(index, op.getLow(), op.getInterior(), strides))
      at += (low + i * (interior + 1)) * stride;
    copyElement(from, flat, result, at);
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult evaluateUnfold(UnfoldOp op, Frame &frame) {
  const NdArray &from = frame.operand(op, 0), &value = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  auto strides = stridesOf(from.dims);
  forEachIndex(result.dims, [&](Index index, int64_t flat) {
    llvm::SmallVector<int64_t> at(index.take_front(from.rank()));
    bool inside = true;
    for (auto [j, d] : llvm::enumerate(op.getDims())) {
      at[d] = index[d] * op.getStrides()[j] + index[from.rank() + j] * op.getDilations()[j] -
              op.getLow()[j];
      inside &= at[d] >= 0 && at[d] < from.dims[d];
    }
    copyElement(inside ? from : value, inside ? flatten(at, strides) : 0, result, flat);
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult evaluateConcatenate(ConcatenateOp op, Frame &frame) {
  NdArray result = resultArray(op->getResult(0));
  auto strides = stridesOf(result.dims);
  int64_t start = 0;
  for (mlir::Value operand : op->getOperands()) {
    const NdArray &from = frame[operand];
    forEachIndex(from.dims, [&](Index index, int64_t flat) {
      copyElement(from, flat, result, start * strides[op.getDim()] + flatten(index, strides));
    });
    start += from.dims[op.getDim()];
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult evaluateBarrier(BarrierOp op, Frame &frame) {
  for (auto [operand, result] : llvm::zip(op->getOperands(), op->getResults()))
    frame.set(result, frame.share(operand));
  return success();
}

void addLayout(Evaluators &evaluators) {
  evaluators.add<BroadcastOp>(evaluateBroadcast);
  evaluators.add<ReshapeOp>(evaluateReshape);
  evaluators.add<TransposeOp>(evaluateTranspose);
  evaluators.add<SliceOp>(evaluateSlice);
  evaluators.add<ReverseOp>(evaluateReverse);
  evaluators.add<PadOp>(evaluatePad);
  evaluators.add<UnfoldOp>(evaluateUnfold);
  evaluators.add<ConcatenateOp>(evaluateConcatenate);
  evaluators.add<BarrierOp>(evaluateBarrier);
}

} // namespace weir::ir::reference
