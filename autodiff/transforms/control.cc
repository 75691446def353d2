// What the files of control flow share.
#include "autodiff/transforms/control.h"

using namespace mlir;

namespace weir::autodiff {

SmallVector<Value> masked(ValueRange values, const llvm::BitVector &mask, bool wanted) {
  SmallVector<Value> result;
  for (auto [i, value] : llvm::enumerate(values))
    if (mask[i] == wanted) result.push_back(value);
  return result;
}

unsigned position(SmallVector<Value> &values, Value value) {
  unsigned at = llvm::find(values, value) - values.begin();
  if (at == values.size()) values.push_back(value);
  return at;
}

SmallVector<Value> takeTerminator(Block &block) {
  Operation *terminator = block.getTerminator();
  SmallVector<Value> values(terminator->getOperands());
  terminator->erase();
  return values;
}

llvm::SetVector<Value> outerValues(Operation *op) {
  llvm::DenseSet<Block *> inside; // not by ancestors: regions around may belong to no op yet
  op->walk([&](Block *block) { inside.insert(block); });
  llvm::SetVector<Value> values;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (inner != op && !inside.contains(operand.getParentBlock())) values.insert(operand);
  });
  return values;
}

void carryActivity(Activity &active, Block &body, ValueRange inits, ValueRange carries) {
  auto flow = [&](Value from, Value to) {
    if (!active.contains(from) || active.contains(to) || !isFloat(to)) return false;
    active.insert(to);
    return true;
  };
  for (auto [init, carry] : llvm::zip(inits, carries)) flow(init, carry);
  for (bool changed = true; changed;) {
    active.run(body);
    changed = false;
    for (auto [value, carry] : llvm::zip(body.getTerminator()->getOperands(), carries))
      changed |= flow(value, carry);
  }
}

/// What `call`, of which `operands` are the arguments now, returns.
static FailureOr<SmallVector<Value>> inlined(Derivatives &derivatives, ir::CallOp call,
                                             ValueRange operands, OpBuilder &b) {
  auto callee = derivatives.lookup(call, call.getCallee());
  if (failed(callee)) return failure();
  Block &body = callee->front();
  IRMapping map;
  map.map(body.getArguments(), operands);
  if (failed(cloneInlined(derivatives, body, map, b))) return failure();
  for (Operation &op : body.without_terminator()) {
    if (isa<ir::CallOp>(op)) continue; // may return what is not of this body
    for (Value result : op.getResults()) {
      Operation *copy = map.lookup(result).getDefiningOp();
      copy->setLoc(CallSiteLoc::get(copy->getLoc(), call.getLoc()));
    }
  }
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value v) { return map.lookup(v); });
}

LogicalResult cloneInlined(Derivatives &derivatives, Block &from, IRMapping &map, OpBuilder &b) {
  for (Operation &op : from.without_terminator()) {
    if (auto call = dyn_cast<ir::CallOp>(op)) {
      auto operands =
          llvm::map_to_vector(call->getOperands(), [&](Value v) { return map.lookupOrDefault(v); });
      auto results = inlined(derivatives, call, operands, b);
      if (failed(results)) return failure();
      map.map(call->getResults(), *results);
      continue;
    }
    SmallVector<ir::CallOp> calls;
    b.clone(op, map)->walk([&](ir::CallOp call) { calls.push_back(call); });
    for (ir::CallOp call : calls) {
      OpBuilder inner(call);
      auto results = inlined(derivatives, call, call->getOperands(), inner);
      if (failed(results)) return failure();
      call->replaceAllUsesWith(*results);
      call->erase();
    }
  }
  return success();
}

SmallVector<Value> addArguments(Block &block, ValueRange values) {
  return llvm::map_to_vector(values, [&](Value value) -> Value {
    return block.addArgument(value.getType(), value.getLoc());
  });
}

} // namespace weir::autodiff
