// Ops that run other code: calls and launches in a frame of their own, the regions of if, scan,
// while and sweep in the frame around them.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;

static LogicalResult callInto(mlir::Operation *op, mlir::StringAttr callee, Frame &frame) {
  llvm::SmallVector<ArrayPtr> arguments;
  for (mlir::Value operand : op->getOperands()) arguments.push_back(frame.share(operand));
  auto results = frame.call(op, callee, arguments);
  if (failed(results)) return mlir::failure();
  for (auto [value, array] : llvm::zip(op->getResults(), *results)) frame.set(value, array);
  return success();
}

static LogicalResult refuseDerivative(mlir::Operation *op) {
  return op->emitError("the interpreter knows no derivatives: autodiff must be resolved before");
}

static ArrayPtr uncertain(const NdArray &array) {
  NdArray copy = array;
  copy.errors.assign(copy.size(), std::numeric_limits<double>::infinity());
  return std::make_shared<const NdArray>(std::move(copy));
}

static LogicalResult evaluateIf(IfOp op, Frame &frame) {
  const NdArray &pred = frame.operand(op, 0);
  bool certain = pred.errorAt(0) == 0;
  auto results = frame.runBlock(op->getRegion(pred.ints[0] ? 0 : 1).front());
  if (failed(results)) return mlir::failure();
  for (auto [value, array] : llvm::zip(op->getResults(), *results))
    frame.set(value, certain ? array : uncertain(*array));
  return success();
}

/// Element `step` of the leading dim of `xs`.
static NdArray sliceAt(const NdArray &xs, int64_t step) {
  NdArray slice(xs.dtype, llvm::ArrayRef<int64_t>(xs.dims).drop_front());
  for (int64_t k = 0, n = slice.size(); k < n; ++k) copyElement(xs, step * n + k, slice, k);
  return slice;
}

/// Carries go from step to step; step t (trips-1-t when reversed) reads slice t of each x and
/// writes slice t of each y.
static LogicalResult evaluateScan(ScanOp op, Frame &frame) {
  mlir::Block &body = op->getRegion(0).front();
  int64_t trips = op.getTrips(), carries = op.numCarries();
  llvm::SmallVector<ArrayPtr> carried;
  for (mlir::Value init : op->getOperands().take_front(carries))
    carried.push_back(frame.share(init));
  std::vector<NdArray> ys;
  for (mlir::Value y : op->getResults().drop_front(carries)) ys.push_back(resultArray(y));
  for (int64_t t = 0; t < trips; ++t) {
    int64_t step = op.getReverse() ? trips - 1 - t : t;
    for (auto [argument, array] : llvm::zip(body.getArguments(), carried))
      frame.set(argument, array);
    for (auto [argument, xs] :
         llvm::zip(body.getArguments().drop_front(carries), op->getOperands().drop_front(carries)))
      frame.set(argument, sliceAt(frame[xs], step));
    auto yielded = frame.runBlock(body);
    if (failed(yielded)) return mlir::failure();
    carried.assign(yielded->begin(), yielded->begin() + carries);
    for (auto [k, y] : llvm::enumerate(ys)) {
      const NdArray &slice = *(*yielded)[carries + k];
      for (int64_t i = 0, n = slice.size(); i < n; ++i) copyElement(slice, i, y, step * n + i);
    }
  }
  for (auto [k, array] : llvm::enumerate(carried)) frame.set(op->getResult(k), array);
  for (auto [k, y] : llvm::enumerate(ys)) frame.set(op->getResult(carries + k), std::move(y));
  return success();
}

/// The loop runs as often as its condition says; where that is uncertain, so is everything.
static LogicalResult evaluateWhile(WhileOp op, Frame &frame) {
  llvm::SmallVector<ArrayPtr> carried;
  for (mlir::Value init : op.getInits()) carried.push_back(frame.share(init));
  bool certain = true;
  auto run = [&](mlir::Region &region) {
    for (auto [argument, array] : llvm::zip(region.getArguments(), carried))
      frame.set(argument, array);
    return frame.runBlock(region.front());
  };
  for (;;) {
    auto condition = run(op.getCondition());
    if (failed(condition)) return mlir::failure();
    certain &= (*condition)[0]->errorAt(0) == 0;
    if (!(*condition)[0]->ints[0]) break;
    auto yielded = run(op.getBody());
    if (failed(yielded)) return mlir::failure();
    carried = std::move(*yielded);
  }
  for (auto [value, array] : llvm::zip(op->getResults(), carried))
    frame.set(value, certain ? array : uncertain(*array));
  return success();
}

/// Keeps every state: what a sweep means, not how little memory it can do with.
static LogicalResult evaluateSweep(SweepOp op, Frame &frame) {
  llvm::SmallVector<ArrayPtr> forward, reverse;
  for (mlir::Value init : op.getForwardInits()) forward.push_back(frame.share(init));
  for (mlir::Value init : op.getReverseInits()) reverse.push_back(frame.share(init));
  auto set = [&](mlir::ValueRange arguments, llvm::ArrayRef<ArrayPtr> arrays) {
    for (auto [argument, array] : llvm::zip(arguments, arrays)) frame.set(argument, array);
  };
  const NdArray &count = frame.operand(op, 0);
  bool certain = count.errorAt(0) == 0;
  std::vector<llvm::SmallVector<ArrayPtr>> states;
  for (int64_t i = 0; i < count.ints[0]; ++i) {
    states.push_back(forward);
    set(op.getForward().getArguments(), forward);
    auto yielded = frame.runBlock(op.getForward().front());
    if (failed(yielded)) return mlir::failure();
    forward = std::move(*yielded);
  }
  for (const auto &state : llvm::reverse(states)) {
    mlir::ValueRange arguments(op.getReverse().getArguments());
    set(arguments.take_front(state.size()), state);
    set(arguments.drop_front(state.size()), reverse);
    auto yielded = frame.runBlock(op.getReverse().front());
    if (failed(yielded)) return mlir::failure();
    reverse = std::move(*yielded);
  }
  llvm::append_range(forward, reverse);
  for (auto [value, array] : llvm::zip(op->getResults(), forward))
    frame.set(value, certain ? array : uncertain(*array));
  return success();
}

void addControl(Evaluators &evaluators) {
  auto callee = [](auto op, Frame &frame) {
    return callInto(op, op.getCalleeAttr().getAttr(), frame);
  };
  evaluators.add<CallOp>(callee);
  evaluators.add<LaunchOp>(callee);
  evaluators.add<CustomJvpOp>(callee);
  evaluators.add<CustomVjpOp>(callee);
  evaluators.add<IfOp>(evaluateIf);
  evaluators.add<ScanOp>(evaluateScan);
  evaluators.add<WhileOp>(evaluateWhile);
  evaluators.add<SweepOp>(evaluateSweep);
  evaluators.add<JvpOp>([](JvpOp op, Frame &) { return refuseDerivative(op); });
  evaluators.add<VjpOp>([](VjpOp op, Frame &) { return refuseDerivative(op); });
  evaluators.add<CustomLinearOp>([](CustomLinearOp op, Frame &) { return refuseDerivative(op); });
  evaluators.add<VmapOp>([](VmapOp op, Frame &) {
    return op->emitError("the interpreter knows no batches: autodiff must be resolved before");
  });
}

} // namespace weir::ir::reference
