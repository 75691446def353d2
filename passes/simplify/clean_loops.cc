// weir-clean-loops: moves what does not depend on the iteration out of scans, drops carries, slices
// and results that nobody needs, and takes branches whose predicate is known. Differentiation
// leaves many: residuals that are invariant, slices of broadcasts, tangents nobody reads.
#include "ir/dialect/weir.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/simplify/scalar.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

bool isOutside(Value v, ir::ScanOp scan) {
  return !scan.getBody().isAncestor(v.getParentRegion());
}

bool hoistInvariants(ir::ScanOp scan) {
  bool changed = false;
  for (Operation &op : llvm::make_early_inc_range(scan.getBody().front().without_terminator())) {
    if (op.getNumRegions() != 0 || isa<ir::ConstantOp>(op) || !isMemoryEffectFree(&op)) continue;
    if (!llvm::all_of(op.getOperands(), [&](Value v) { return isOutside(v, scan); })) continue;
    op.moveBefore(scan);
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

/// Which outputs (carries, then stacks) somebody needs: used results, and carries that feed them.
SmallVector<bool> neededOutputs(ir::ScanOp scan) {
  Block &body = scan.getBody().front();
  Operation *yield = body.getTerminator();
  SmallVector<bool> needed(scan.getNumResults(), false);
  SmallVector<Value> worklist;
  llvm::DenseSet<Value> seen;
  auto need = [&](unsigned i) {
    if (needed[i]) return;
    needed[i] = true;
    worklist.push_back(yield->getOperand(i));
  };
  for (OpResult result : scan->getResults())
    if (!result.use_empty()) need(result.getResultNumber());
  while (!worklist.empty()) {
    Value v = worklist.pop_back_val();
    if (!seen.insert(v).second) continue;
    if (auto arg = dyn_cast<BlockArgument>(v)) {
      if (arg.getOwner() == &body && arg.getArgNumber() < scan.numCarries())
        need(arg.getArgNumber());
    } else if (scan.getBody().isAncestor(v.getParentRegion())) {
      v.getDefiningOp()->walk(
          [&](Operation *inner) { llvm::append_range(worklist, inner->getOperands()); });
    }
  }
  return needed;
}

/// Rebuilds the scan with the outputs and slices that are needed. Carries and slices left out have
/// no uses but dead ones.
bool dropUnneeded(ir::ScanOp scan) {
  SmallVector<bool> needed = neededOutputs(scan);
  Block &body = scan.getBody().front();
  Operation *yield = body.getTerminator();
  llvm::BitVector deadArgs(body.getNumArguments()), deadOutputs(scan.getNumResults());
  for (auto [i, need] : llvm::enumerate(needed)) {
    if (need) continue;
    deadOutputs.set(i);
    if (int64_t(i) < scan.numCarries()) deadArgs.set(i);
  }
  yield->eraseOperands(deadOutputs);
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator()) ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty() && isMemoryEffectFree(op)) op->erase();
  SmallVector<Value> inits, xs;
  for (auto [i, x] : llvm::enumerate(scan.getXs())) {
    if (scan.sliceArgs()[i].use_empty())
      deadArgs.set(scan.numCarries() + i);
    else
      xs.push_back(x);
  }
  if (deadArgs.none() && deadOutputs.none()) return false;
  SmallVector<Type> types;
  for (OpResult result : scan->getResults())
    if (needed[result.getResultNumber()]) types.push_back(result.getType());
  for (auto [i, init] : llvm::enumerate(scan.getInits()))
    if (needed[i]) inits.push_back(init);
  OpBuilder b(scan);
  auto smaller =
      ir::ScanOp::create(b, scan.getLoc(), types, inits, xs, scan.getTrips(), scan.getReverse());
  body.eraseArguments(deadArgs);
  smaller.getBody().takeBody(scan.getBody());
  unsigned next = 0;
  for (OpResult result : scan->getResults())
    if (needed[result.getResultNumber()]) result.replaceAllUsesWith(smaller.getResult(next++));
  scan.erase();
  return true;
}

bool cleanScan(ir::ScanOp scan) {
  bool changed = hoistInvariants(scan);
  changed |= replaceInvariantCarries(scan);
  changed |= replaceInvariantSlices(scan);
  changed |= replaceTrivialStacks(scan);
  return dropUnneeded(scan) || changed;
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

bool dropUnusedBranchResults(ir::IfOp op) {
  llvm::BitVector dead(op.getNumResults());
  SmallVector<Type> types;
  for (OpResult result : op->getResults()) {
    if (result.use_empty())
      dead.set(result.getResultNumber());
    else
      types.push_back(result.getType());
  }
  if (dead.none()) return false;
  OpBuilder b(op);
  auto smaller = ir::IfOp::create(b, op.getLoc(), types, op.getPred());
  for (auto [from, to] : llvm::zip(op->getRegions(), smaller->getRegions())) {
    from.front().getTerminator()->eraseOperands(dead);
    to.takeBody(from);
  }
  unsigned next = 0;
  for (OpResult result : op->getResults())
    if (!result.use_empty()) result.replaceAllUsesWith(smaller.getResult(next++));
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
    if (isa<ir::ScanOp, ir::IfOp>(op)) regions.push_back(op);
  });
  for (Operation *op : regions) {
    if (auto scan = dyn_cast<ir::ScanOp>(op))
      changed |= cleanScan(scan);
    else
      changed |= takeKnownBranch(cast<ir::IfOp>(op)) || dropUnusedBranchResults(cast<ir::IfOp>(op));
  }
  return changed;
}

std::unique_ptr<Pass> createCleanLoopsPass() {
  return std::make_unique<CleanLoops>();
}

} // namespace weir::passes
