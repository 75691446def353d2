// weir-clean-loops: moves what does not depend on the iteration out of scans, drops carries, slices
// and results that nobody needs, takes branches whose predicate is known, and shares loops
// (share_loops). Differentiation leaves many: residuals that are invariant, slices of broadcasts,
// tangents nobody reads, forward loops beside those that also keep residuals.
#include "ir/dialect/weir.h"
#include "ir/pruning/prune.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/simplify/scalar.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

bool isOutside(Value v, Operation *loop) {
  return !loop->isAncestor(v.getParentBlock()->getParentOp());
}

bool hoistInvariants(Operation *loop, Region &body) {
  bool changed = false;
  for (Operation &op : llvm::make_early_inc_range(body.front().without_terminator())) {
    if (op.getNumRegions() != 0 || isa<ir::ConstantOp>(op) || !isMemoryEffectFree(&op)) continue;
    if (!llvm::all_of(op.getOperands(), [&](Value v) { return isOutside(v, loop); })) continue;
    op.moveBefore(loop);
    changed = true;
  }
  return changed;
}

/// Carries that never change are their initial values.
bool replaceInvariantCarries(ir::ScanOp scan) {
  bool changed = false;
  Operation *yield = scan.getBody().front().getTerminator();
  for (int64_t i = 0, e = scan.numCarries(); i < e; ++i) {
    BlockArgument carry = scan.carryArgs()[i];
    if (yield->getOperand(i) != carry) continue;
    if (carry.hasNUsesOrMore(2) || !scan.getResult(i).use_empty()) changed = true;
    carry.replaceUsesWithIf(scan.getInits()[i],
                            [&](OpOperand &use) { return use.getOwner() != yield; });
    scan.getResult(i).replaceAllUsesWith(scan.getInits()[i]);
  }
  return changed;
}

/// Slices of a broadcast along the new dim are all the same.
bool replaceInvariantSlices(ir::ScanOp scan) {
  bool changed = false;
  for (auto [slice, x] : llvm::zip(scan.sliceArgs(), scan.getXs())) {
    auto broadcast = x.getDefiningOp<ir::BroadcastOp>();
    if (slice.use_empty() || !broadcast || llvm::is_contained(broadcast.getDims(), 0)) continue;
    SmallVector<int64_t> dims;
    for (int64_t d : broadcast.getDims()) dims.push_back(d - 1);
    OpBuilder b(scan);
    Value one = ir::BroadcastOp::create(b, broadcast.getLoc(), broadcast.getOperand(),
                                        broadcast.getShape().drop_front(), dims);
    slice.replaceAllUsesWith(one);
    changed = true;
  }
  return changed;
}

/// Stacked results that repeat one outer value are broadcasts; those that pass slices through are
/// the operand.
bool replaceTrivialStacks(ir::ScanOp scan) {
  bool changed = false;
  Operation *yield = scan.getBody().front().getTerminator();
  llvm::SmallDenseMap<Value, Value> seen;
  for (auto [i, stack] : llvm::enumerate(scan.stackedOutputs())) {
    if (stack.use_empty()) continue;
    Value value = yield->getOperand(scan.numCarries() + i), replacement = seen.lookup(value);
    auto arg = dyn_cast<BlockArgument>(value);
    if (isOutside(value, scan)) {
      auto shape = cast<RankedTensorType>(stack.getType()).getShape();
      auto dims = llvm::to_vector(llvm::seq<int64_t>(1, shape.size()));
      OpBuilder b(scan);
      replacement = ir::BroadcastOp::create(b, scan.getLoc(), value, shape, dims);
    } else if (arg && arg.getOwner() == &scan.getBody().front() &&
               arg.getArgNumber() >= scan.numCarries()) {
      replacement = scan.getXs()[arg.getArgNumber() - scan.numCarries()];
    }
    if (replacement) {
      stack.replaceAllUsesWith(replacement);
      changed = true;
    } else {
      seen[value] = stack;
    }
  }
  return changed;
}

/// Carries that the body yields as they came are their initial values.
bool replaceInvariantCarries(ir::WhileOp loop) {
  Block &body = loop.getBody().front(), &condition = loop.getCondition().front();
  bool changed = false;
  auto replace = [&](Value value, Value init) {
    changed |= !value.use_empty();
    value.replaceAllUsesWith(init);
  };
  for (auto [i, init] : llvm::enumerate(loop.getInits())) {
    if (body.getTerminator()->getOperand(i) != body.getArgument(i)) continue;
    replace(condition.getArgument(i), init);
    replace(loop.getResult(i), init);
    body.getArgument(i).replaceUsesWithIf(init, [&](OpOperand &use) {
      bool isYield = use.getOwner() == body.getTerminator();
      changed |= !isYield;
      return !isYield;
    });
  }
  return changed;
}

bool prune(Operation *op) {
  return ir::pruneResults(op) != op;
}

bool cleanWhile(ir::WhileOp loop) {
  bool changed = hoistInvariants(loop, loop.getCondition());
  changed |= hoistInvariants(loop, loop.getBody());
  changed |= replaceInvariantCarries(loop);
  return prune(loop) || changed;
}

bool cleanScan(ir::ScanOp scan) {
  bool changed = hoistInvariants(scan, scan.getBody());
  changed |= replaceInvariantCarries(scan);
  changed |= replaceInvariantSlices(scan);
  changed |= replaceTrivialStacks(scan);
  return prune(scan) || changed;
}

/// A branch whose predicate is a constant.
bool takeKnownBranch(ir::IfOp op) {
  std::optional<Scalar> pred = splatOf(op.getPred());
  if (!pred) return false;
  Block &taken = (pred->i ? op.getThenRegion() : op.getElseRegion()).front();
  Operation *yield = taken.getTerminator();
  op.replaceAllUsesWith(yield->getOperands());
  yield->erase();
  op->getBlock()->getOperations().splice(op->getIterator(), taken.getOperations());
  op.erase();
  return true;
}

struct CleanLoops : PassWrapper<CleanLoops, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CleanLoops)
  StringRef getArgument() const final { return "weir-clean-loops"; }
  StringRef getDescription() const final {
    return "hoist invariants, drop unused carries, slices and results";
  }
  void runOnOperation() override { cleanLoops(getOperation()); }
};

} // namespace

bool cleanLoops(Operation *root) {
  bool changed = moveSumsBehindLoops(root);
  SmallVector<Operation *> regions;
  root->walk([&](Operation *op) {
    if (isa<ir::ScanOp, ir::WhileOp, ir::IfOp>(op)) regions.push_back(op);
  });
  for (Operation *op : regions) {
    if (auto scan = dyn_cast<ir::ScanOp>(op))
      changed |= cleanScan(scan);
    else if (auto loop = dyn_cast<ir::WhileOp>(op))
      changed |= cleanWhile(loop);
    else
      changed |= takeKnownBranch(cast<ir::IfOp>(op)) || prune(op);
  }
  return shareLoops(root) || changed;
}

std::unique_ptr<Pass> createCleanLoopsPass() {
  return std::make_unique<CleanLoops>();
}

} // namespace weir::passes
