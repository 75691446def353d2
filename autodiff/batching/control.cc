// Loops, branches and calls. What differs from slice to slice is known (Spread), so each body is
// copied once. A branch on a predicate that differs runs both sides and selects; a loop whose
// condition differs runs until the last slice is done, and the others keep what they have.
#include "autodiff/batching/batch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static void bindAll(Batch &batch, ValueRange sources, ValueRange copies) {
  for (auto [source, copy] : llvm::zip(sources, copies)) batch.bind(source, copy);
}

/// `values`, batched where `like` differ.
static SmallVector<Value> batchedLike(Batch &batch, RuleBuilder &b, ValueRange values,
                                      ValueRange like) {
  SmallVector<Value> result;
  for (auto [v, as] : llvm::zip(values, like)) result.push_back(batch.batchedLike(b, v, as));
  return result;
}

/// The types of what stands for the results of `op`.
static SmallVector<Type> resultTypes(Batch &batch, Operation *op) {
  return llvm::map_to_vector(op->getResults(), [&](Value v) { return batch.typeOf(v); });
}

static ValueRange yields(Block &block) {
  return block.getTerminator()->getOperands();
}

/// Copies `from` into `to`, which yields its yields, batched where `like` differ.
static LogicalResult body(Batch &batch, Block &from, Region &to, ValueRange like, Location loc) {
  if (failed(batch.region(from, to))) return failure();
  RuleBuilder b = atEnd(to.front(), loc);
  YieldOp::create(b, batchedLike(batch, b, yields(from), like));
  return success();
}

/// For each slice that of `onTrue` or of `onFalse`.
static Value selectSlices(RuleBuilder &b, Value pred, Value onTrue, Value onFalse) {
  Value wide = BroadcastOp::create(b, pred, shapeOf(onTrue), ArrayRef<int64_t>{0});
  return SelectOp::create(b, wide, onTrue, onFalse);
}

FailureOr<bool> batchIf(Batch &batch, Operation *op, RuleBuilder &b) {
  auto branch = cast<IfOp>(op);
  Block &then = branch.getThenRegion().front(), &otherwise = branch.getElseRegion().front();
  if (batch.differs(branch.getPred())) {
    if (failed(batch.block(then, b)) || failed(batch.block(otherwise, b))) return failure();
    for (auto [result, onTrue, onFalse] :
         llvm::zip(op->getResults(), yields(then), yields(otherwise)))
      batch.bind(result, selectSlices(b, batch.copy(branch.getPred()), batch.batched(b, onTrue),
                                      batch.batched(b, onFalse)));
    return true;
  }
  auto copy = IfOp::create(b, resultTypes(batch, op), batch.copy(branch.getPred()));
  if (failed(body(batch, then, copy.getThenRegion(), op->getResults(), op->getLoc())) ||
      failed(body(batch, otherwise, copy.getElseRegion(), op->getResults(), op->getLoc())))
    return failure();
  bindAll(batch, op->getResults(), copy->getResults());
  return true;
}

/// Slices of inputs and stacked outputs have the trips before the batch.
FailureOr<bool> batchScan(Batch &batch, Operation *op, RuleBuilder &b) {
  auto scan = cast<ScanOp>(op);
  auto swapped = [&](Value source, Value copy) {
    return batch.differs(source) ? withDimAt(b, copy, 1, 0) : copy;
  };
  SmallVector<Value> inits = batchedLike(batch, b, scan.getInits(), ValueRange(scan.carryArgs())),
                     xs;
  for (auto [x, slice] : llvm::zip(scan.getXs(), scan.sliceArgs()))
    xs.push_back(swapped(slice, batch.batchedLike(b, x, slice)));
  SmallVector<Type> types = resultTypes(batch, op);
  for (Value y : scan.stackedOutputs()) {
    if (!batch.differs(y)) continue;
    Type &type = types[cast<OpResult>(y).getResultNumber()];
    SmallVector<int64_t> shape(cast<RankedTensorType>(type).getShape());
    std::swap(shape[0], shape[1]);
    type = cast<RankedTensorType>(type).clone(shape);
  }
  auto copy = ScanOp::create(b, types, inits, xs, scan.getTrips(), scan.getReverse());
  if (failed(body(batch, scan.getBody().front(), copy.getBody(), op->getResults(), op->getLoc())))
    return failure();
  bindAll(batch, scan.finalCarries(), copy.finalCarries());
  for (auto [y, stacked] : llvm::zip(scan.stackedOutputs(), copy.stackedOutputs()))
    batch.bind(y, swapped(y, stacked));
  return true;
}

FailureOr<bool> batchWhile(Batch &batch, Operation *op, RuleBuilder &b) {
  auto loop = cast<WhileOp>(op);
  Block &condition = loop.getCondition().front(), &from = loop.getBody().front();
  ValueRange carries(from.getArguments()), tested(condition.getArguments());
  Value goesOn = yields(condition)[0];
  auto copy = WhileOp::create(b, resultTypes(batch, op),
                              batchedLike(batch, b, loop.getInits(), carries), loop.getSnapshots());
  bindAll(batch, op->getResults(), copy->getResults());
  if (!batch.differs(goesOn)) {
    return failed(body(batch, condition, copy.getCondition(), goesOn, op->getLoc())) ||
                   failed(body(batch, from, copy.getBody(), carries, op->getLoc()))
               ? FailureOr<bool>(failure())
               : true;
  }
  if (failed(batch.region(condition, copy.getCondition()))) return failure();
  RuleBuilder test = atEnd(copy.getCondition().front(), op->getLoc());
  Value any = ReduceOrOp::create(test, batch.copy(goesOn), ArrayRef<int64_t>{0});
  YieldOp::create(test, any);

  if (failed(batch.region(from, copy.getBody()))) return failure();
  RuleBuilder step = atEnd(copy.getBody().front(), op->getLoc());
  bindAll(batch, tested, batch.copiesOf(carries));
  if (failed(batch.block(condition, step))) return failure();
  SmallVector<Value> next;
  for (auto [carry, value] : llvm::zip(carries, yields(from)))
    next.push_back(
        selectSlices(step, batch.copy(goesOn), batch.batched(step, value), batch.copy(carry)));
  YieldOp::create(step, next);
  return true;
}

/// Slices that take different numbers of steps go one after the other.
FailureOr<bool> batchSweep(Batch &batch, Operation *op, RuleBuilder &b) {
  auto sweep = cast<SweepOp>(op);
  if (batch.differs(sweep.getTrips())) return false;
  ValueRange states(sweep.getForward().getArguments()),
      back = ValueRange(sweep.getReverse().getArguments()).drop_front(sweep.numForward());
  auto copy =
      SweepOp::create(b, resultTypes(batch, op), batch.copy(sweep.getTrips()),
                      batchedLike(batch, b, sweep.getForwardInits(), states),
                      batchedLike(batch, b, sweep.getReverseInits(), back), sweep.getSnapshots());
  if (failed(body(batch, sweep.getForward().front(), copy.getForward(), states, op->getLoc())) ||
      failed(body(batch, sweep.getReverse().front(), copy.getReverse(), back, op->getLoc())))
    return failure();
  bindAll(batch, op->getResults(), copy->getResults());
  return true;
}

FailureOr<bool> batchCall(Batch &batch, Operation *op, RuleBuilder &b) {
  auto call = cast<CallOp>(op);
  auto callee = batch.batches.lookup(op, call.getCallee());
  if (failed(callee)) return failure();
  auto made = batch.batches.batch(*callee, batch.spread.mask(op->getOperands()), batch.size);
  if (failed(made)) return failure();
  auto copy = CallOp::create(b, made->function.getFunctionType().getResults(),
                             made->function.getSymName(), batch.copiesOf(op->getOperands()));
  bindAll(batch, op->getResults(), copy->getResults());
  return true;
}

// ---- Functions with derivatives of the user's own: the batched function has batched rules ----

/// The name of the function called `name`, batched.
static FailureOr<llvm::StringRef> batchedName(Batch &batch, Operation *op, llvm::StringRef name,
                                              const llvm::BitVector &mask, ArrayRef<Out> outs) {
  auto f = batch.batches.lookup(op, name);
  if (failed(f)) return failure();
  auto made = batch.batches.batch(*f, mask, batch.size, outs);
  if (failed(made)) return failure();
  return made->function.getSymName();
}

static SmallVector<Out> allBatched(Batch &batch, Operation *op, llvm::StringRef name) {
  auto f = batch.batches.lookup(op, name);
  return SmallVector<Out>(succeeded(f) ? f->getNumResults() : 0, Out::Batched);
}

/// `mask` of `values`, then its bits of the floats among them.
static llvm::BitVector withTangents(llvm::BitVector mask, ValueRange values) {
  for (auto [i, v] : llvm::enumerate(values))
    if (isFloat(v)) {
      mask.resize(mask.size() + 1);
      mask[mask.size() - 1] = mask[i];
    }
  return mask;
}

FailureOr<bool> batchCustomJvp(Batch &batch, Operation *op, RuleBuilder &b) {
  auto custom = cast<CustomJvpOp>(op);
  llvm::BitVector mask = batch.spread.mask(op->getOperands());
  auto callee =
      batchedName(batch, op, custom.getCallee(), mask, allBatched(batch, op, custom.getCallee()));
  auto rule = batchedName(batch, op, custom.getRule(), withTangents(mask, op->getOperands()),
                          allBatched(batch, op, custom.getRule()));
  if (failed(callee) || failed(rule)) return failure();
  auto copy = CustomJvpOp::create(b, resultTypes(batch, op), *callee, *rule,
                                  batch.copiesOf(op->getOperands()));
  bindAll(batch, op->getResults(), copy->getResults());
  return true;
}

/// Batched residuals (`mask`) and cotangents -> cotangents of `values`, added up where the slices
/// share a value.
static FailureOr<llvm::StringRef> batchedBackward(Batch &batch, Operation *op, llvm::StringRef name,
                                                  llvm::BitVector mask, ValueRange values) {
  auto f = batch.batches.lookup(op, name);
  if (failed(f)) return failure();
  mask.resize(f->getNumArguments(), true);
  SmallVector<Out> outs;
  for (Value v : values)
    if (isFloat(v)) outs.push_back(batch.differs(v) ? Out::Batched : Out::Summed);
  return batchedName(batch, op, name, mask, outs);
}

FailureOr<bool> batchCustomVjp(Batch &batch, Operation *op, RuleBuilder &b) {
  auto custom = cast<CustomVjpOp>(op);
  llvm::BitVector mask = batch.spread.mask(op->getOperands());
  SmallVector<Out> outs = allBatched(batch, op, custom.getForward());
  auto callee =
      batchedName(batch, op, custom.getCallee(), mask, allBatched(batch, op, custom.getCallee()));
  auto forward = batchedName(batch, op, custom.getForward(), mask, outs);
  auto backward =
      batchedBackward(batch, op, custom.getBackward(),
                      llvm::BitVector(outs.size() - op->getNumResults(), true), op->getOperands());
  if (failed(callee) || failed(forward) || failed(backward)) return failure();
  auto copy = CustomVjpOp::create(b, resultTypes(batch, op), *callee, *forward, *backward,
                                  batch.copiesOf(op->getOperands()));
  bindAll(batch, op->getResults(), copy->getResults());
  return true;
}

FailureOr<bool> batchCustomLinear(Batch &batch, Operation *op, RuleBuilder &b) {
  auto linear = cast<CustomLinearOp>(op);
  auto backward = batchedBackward(batch, op, linear.getCallee(),
                                  batch.spread.mask(linear.getResiduals()), linear.getTangents());
  if (failed(backward)) return failure();
  auto copy = CustomLinearOp::create(b, resultTypes(batch, op), *backward,
                                     batch.copiesOf(linear.getResiduals()),
                                     batch.copiesOf(linear.getTangents()));
  bindAll(batch, op->getResults(), copy->getResults());
  return true;
}

} // namespace weir::autodiff
