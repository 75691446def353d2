// How slices differ, op by op: what reads a value that differs gives values that do; loops,
// branches and calls say it of each result.
#include "autodiff/batching/spread.h"

#include "autodiff/batching/batching.h"
#include "mlir/IR/Visitors.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

llvm::SetVector<Value> readValues(Operation *op) {
  llvm::DenseSet<Block *> inside;
  op->walk([&](Block *block) { inside.insert(block); });
  llvm::SetVector<Value> values;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!inside.contains(operand.getParentBlock())) values.insert(operand);
  });
  return values;
}

llvm::BitVector Spread::mask(ValueRange range) const {
  llvm::BitVector bits(range.size());
  for (auto [i, value] : llvm::enumerate(range))
    if (contains(value)) bits.set(i);
  return bits;
}

bool Spread::touches(Operation *op) const {
  auto reads = [&](Operation *inner) {
    bool any = llvm::any_of(inner->getOperands(), [&](Value v) { return contains(v); });
    return any ? WalkResult::interrupt() : WalkResult::advance();
  };
  return op->walk(reads).wasInterrupted();
}

void Spread::run(Block &block) {
  for (Operation &op : block.without_terminator()) visit(&op);
}

void Spread::insertAll(ValueRange range) {
  for (Value value : range) insert(value);
}

void Spread::flow(ValueRange from, ValueRange to) {
  for (auto [source, target] : llvm::zip(from, to))
    if (contains(source)) insert(target);
}

void Spread::loop(Block &body, ValueRange inits, ValueRange carries) {
  flow(inits, carries);
  for (size_t before = values.size() + 1; before != values.size();) {
    before = values.size();
    run(body);
    flow(body.getTerminator()->getOperands().take_front(carries.size()), carries);
  }
}

void Spread::visitIf(IfOp op) {
  for (Region &region : op->getRegions()) {
    run(region.front());
    flow(region.front().getTerminator()->getOperands(), op.getOutputs());
  }
  if (contains(op.getPred())) insertAll(op.getOutputs());
}

void Spread::visitScan(ScanOp op) {
  Block &body = op.getBody().front();
  flow(op.getXs(), ValueRange(op.sliceArgs()));
  loop(body, op.getInits(), ValueRange(op.carryArgs()));
  flow(ValueRange(op.carryArgs()), op.finalCarries());
  flow(body.getTerminator()->getOperands().drop_front(op.numCarries()), op.stackedOutputs());
}

/// Where slices end after different numbers of steps, all that is carried differs.
void Spread::visitWhile(WhileOp op) {
  Block &condition = op.getCondition().front(), &body = op.getBody().front();
  ValueRange carries(body.getArguments());
  loop(body, op.getInits(), carries);
  flow(carries, ValueRange(condition.getArguments()));
  run(condition);
  if (contains(condition.getTerminator()->getOperand(0))) {
    insertAll(carries);
    insertAll(ValueRange(condition.getArguments()));
    run(condition);
    run(body);
  }
  flow(carries, op.getOutputs());
}

void Spread::visitSweep(SweepOp op) {
  if (contains(op.getTrips())) return insertAll(op.getOutputs());
  Block &forward = op.getForward().front(), &reverse = op.getReverse().front();
  ValueRange states(forward.getArguments()), all(reverse.getArguments());
  loop(forward, op.getForwardInits(), states);
  flow(states, all.take_front(states.size()));
  loop(reverse, op.getReverseInits(), all.drop_front(states.size()));
  flow(states, op.forwardFinals());
  flow(all.drop_front(states.size()), op.reverseFinals());
}

void Spread::visit(Operation *op) {
  if (!touches(op)) return;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](IfOp branch) { visitIf(branch); })
      .Case([&](ScanOp scan) { visitScan(scan); })
      .Case([&](WhileOp loop) { visitWhile(loop); })
      .Case([&](SweepOp sweep) { visitSweep(sweep); })
      .Case([&](CallOp call) {
        auto callee = batches.lookup(call, call.getCallee());
        if (failed(callee)) return;
        const llvm::BitVector &results = batches.spread(*callee, mask(call.getInputs()));
        for (unsigned i : results.set_bits()) insert(call.getResult(i));
      })
      .Default([&](Operation *) { insertAll(op->getResults()); });
}

} // namespace weir::autodiff
