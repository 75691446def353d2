// Activity over straight-line ops; ops with regions or callees bring their own flow (Structure).
#include "autodiff/transforms/activity.h"

#include "mlir/IR/Visitors.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

Activity::Activity(Derivatives &derivatives, Block &block, ValueRange values,
                   const llvm::BitVector &mask)
    : derivatives(derivatives) {
  for (unsigned i : mask.set_bits()) insert(values[i]);
  run(block);
}

llvm::BitVector Activity::mask(ValueRange values) const {
  llvm::BitVector bits(values.size());
  for (auto [i, value] : llvm::enumerate(values))
    if (contains(value)) bits.set(i);
  return bits;
}

bool Activity::touches(Operation *op) const {
  auto isActive = [&](Value operand) { return contains(operand); };
  return op
      ->walk([&](Operation *inner) {
        return llvm::any_of(inner->getOperands(), isActive) ? WalkResult::interrupt()
                                                            : WalkResult::advance();
      })
      .wasInterrupted();
}

void Activity::run(Block &block) {
  for (Operation &op : block.without_terminator()) visit(&op);
}

void Activity::visit(Operation *op) {
  const Rule *rule = DerivativeRules::find(op->getName());
  if (rule && rule->structure) return rule->structure->activity(*this, op);
  auto declared = dyn_cast<WeirOp>(op);
  if (declared && declared.derivativeClass().kind == Derivative::Zero) return;
  if (!touches(op)) return;
  for (Value result : op->getResults())
    if (isFloat(result)) insert(result);
}

} // namespace weir::autodiff
