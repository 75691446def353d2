// Numbering of ops, and last uses.
#include "passes/memory/positions.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::passes {

Positions::Positions(func::FuncOp main) {
  number(main.getBody().front());
}

void Positions::number(Block &block) {
  for (Operation &op : block) {
    starts[&op] = next++;
    for (Region &region : op.getRegions())
      for (Block &inner : region) number(inner);
    ends[&op] = op.getNumRegions() ? next++ : starts[&op];
  }
}

int64_t Positions::useEnd(OpOperand &use) const {
  Operation *user = use.getOwner();
  // Initial carries are read once, before the first iteration; inputs are read in every one.
  auto scan = dyn_cast<ir::ScanOp>(user);
  bool isInit = scan && use.getOperandNumber() < scan.getInits().size();
  int64_t at = scan && !isInit ? end(user) : start(user);
  Block *definedIn = use.get().getParentBlock();
  for (Block *block = user->getBlock(); block != definedIn;
       block = block->getParentOp()->getBlock())
    if (isa<ir::ScanOp, ir::WhileOp>(block->getParentOp())) at = end(block->getParentOp());
  return at;
}

int64_t Positions::lastUse(Value value) const {
  Operation *op = value.getDefiningOp();
  int64_t last = op ? end(op) : 0;
  for (OpOperand &use : value.getUses()) last = std::max(last, useEnd(use));
  return last;
}

} // namespace weir::passes
