// Split over straight-line ops, and the way of values from the primal half to the linear one.
#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

LogicalResult Split::block(Block &from, Scope &scope) {
  for (Operation &op : from.without_terminator())
    if (failed(visit(&op, scope))) return failure();
  return success();
}

LogicalResult Split::visit(Operation *op, Scope &scope) {
  if (!linear.touches(op)) {
    scope.primal.clone(*op, primals);
    return success();
  }
  const Rule *rule = DerivativeRules::find(op->getName());
  if (rule && rule->structure) return rule->structure->split(*this, op, scope);
  IRMapping operands;
  for (Value operand : op->getOperands()) operands.map(operand, inLinear(operand, scope));
  Operation *copy = scope.linear.clone(*op, operands);
  for (auto [source, result] : llvm::zip(op->getResults(), copy->getResults()))
    bindLinear(source, result);
  return success();
}

Value Split::inLinear(Value source, Scope &scope) {
  if (Value copy = linears.lookupOrNull(source)) return copy;
  return carry(inPrimal(source), scope);
}

Value Split::carry(Value primal, Scope &scope) {
  if (primal.getParentBlock() != scope.primal.getBlock())
    return scope.outer ? carry(primal, *scope.outer) : primal;
  if (scope.isOneBlock()) return primal;
  if (Value known = scope.carried.lookup(primal)) return known;
  if (!isRecomputed(primal, scope)) return scope.carried[primal] = scope.residual(primal);
  Operation *op = primal.getDefiningOp();
  IRMapping values;
  for (Value operand : op->getOperands()) values.map(operand, carry(operand, scope));
  for (Value outer : outerValues(op)) values.map(outer, carry(outer, scope));
  Operation *copy = scope.linear.clone(*op, values);
  for (auto [result, again] : llvm::zip(op->getResults(), copy->getResults()))
    scope.carried[result] = again;
  return scope.carried[primal];
}

/// An op that may stand in the linear half as well: one result, no regions, no callee.
static Operation *repeatable(Value primal) {
  Operation *op = primal.getDefiningOp();
  bool simple =
      op && op->getNumResults() == 1 && op->getNumRegions() == 0 && !isa<SymbolUserOpInterface>(op);
  return simple ? op : nullptr;
}

bool Scope::isInvariant(Value value) {
  if (value.getParentBlock() != primal.getBlock()) return true;
  auto [it, isNew] = invariants.try_emplace(value, false);
  if (!isNew) return it->second;
  Operation *op = repeatable(value);
  bool result =
      op && llvm::all_of(op->getOperands(), [&](Value operand) { return isInvariant(operand); });
  return invariants[value] = result;
}

/// Residuals cost memory, in a loop for every iteration. Constants, and what only repeats a smaller
/// value, never are; nor is, in a loop, what depends on outer values alone.
bool Split::isRecomputed(Value primal, Scope &scope) {
  if (scope.policy && primal.getDefiningOp()) return !scope.policy->saves(primal.getDefiningOp());
  Operation *op = repeatable(primal);
  if (!op) return false;
  return op->getNumOperands() == 0 || isa<BroadcastOp>(op) ||
         (scope.isLoop && scope.isInvariant(primal));
}

} // namespace weir::autodiff
