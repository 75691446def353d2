// Transposition of straight-line ops; ops with regions or callees bring their own (Structure).
#include "autodiff/transforms/transpose.h"

#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

LogicalResult Transpose::block(Block &block, OpBuilder &b) {
  SmallVector<Operation *> linearOps;
  for (Operation &op : block)
    if (linear.touches(&op)) linearOps.push_back(&op);
  for (Operation *op : llvm::reverse(linearOps))
    if (failed(visit(op, b))) return failure();
  return success();
}

LogicalResult Transpose::visit(Operation *op, OpBuilder &b) {
  SmallVector<Value> results =
      llvm::map_to_vector(op->getResults(), [&](Value result) { return cotangent(result); });
  if (llvm::none_of(results, [](Value ct) { return ct != nullptr; })) return success();

  const Rule *rule = DerivativeRules::find(op->getName());
  if (rule && rule->structure) return rule->structure->transpose(*this, op, b);
  if (!rule || !rule->backward)
    return op->emitError() << op->getName().stripDialect()
                           << ": used as a linear op, but has no transpose";
  RuleBuilder at(cotangentLoc(op->getLoc()), b);
  auto isLinear = [&](Value v) { return linear.contains(v); };
  auto giveOperand = [&](unsigned operand, Value ct) {
    give(b, at.getLoc(), op->getOperand(operand), ct);
  };
  Backward backward{at, op, results, isLinear, giveOperand};
  rule->backward(backward);
  return success();
}

void Transpose::give(OpBuilder &b, Location loc, Value v, Value ct) {
  if (!ct || !linear.contains(v)) return;
  Value &sum = cotangents[v];
  sum = sum ? Value(AddOp::create(b, loc, sum, ct)) : ct;
}

void Transpose::eraseLinearOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (linear.touches(&op)) op.erase();
}

llvm::SetVector<Value> Transpose::captures(Operation *op) const {
  llvm::SetVector<Value> used = outerValues(op);
  used.remove_if([&](Value v) { return !linear.contains(v); });
  return used;
}

} // namespace weir::autodiff
