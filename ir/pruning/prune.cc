#include "ir/pruning/prune.h"

#include "ir/dialect/weir.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weir::ir {
namespace {

/// What a loop yields for each of its results, and which carry (a result, by number) each block
/// argument holds. `roots` are needed whatever becomes of the results.
struct Flow {
  SmallVector<Value> yields, roots;
  llvm::DenseMap<Value, unsigned> carryOf;

  void addCarries(Block::BlockArgListType arguments, unsigned first = 0) {
    for (auto [i, argument] : llvm::enumerate(arguments)) carryOf[argument] = first + i;
  }
  void addYields(Region &region) {
    llvm::append_range(yields, region.front().getTerminator()->getOperands());
  }
};

Flow flowOf(ScanOp scan) {
  Flow flow;
  flow.addYields(scan.getBody());
  flow.addCarries(scan.carryArgs());
  return flow;
}

Flow flowOf(WhileOp loop) {
  Flow flow;
  flow.addYields(loop.getBody());
  flow.addCarries(loop.getBody().getArguments());
  flow.addCarries(loop.getCondition().getArguments());
  flow.roots = llvm::to_vector(loop.getCondition().front().getTerminator()->getOperands());
  return flow;
}

Flow flowOf(SweepOp sweep) {
  Flow flow;
  flow.addYields(sweep.getForward());
  flow.addYields(sweep.getReverse());
  flow.addCarries(sweep.getForward().getArguments());
  flow.addCarries(sweep.getReverse().getArguments());
  return flow;
}

llvm::BitVector neededResults(Operation *loop, const Flow &flow) {
  llvm::BitVector needed(loop->getNumResults());
  SmallVector<Value> work(flow.roots);
  llvm::DenseSet<Value> seen;
  auto need = [&](unsigned i) {
    if (needed[i]) return;
    needed.set(i);
    work.push_back(flow.yields[i]);
  };
  for (OpResult result : loop->getResults())
    if (!result.use_empty()) need(result.getResultNumber());
  while (!work.empty()) {
    Value v = work.pop_back_val();
    if (!seen.insert(v).second) continue;
    if (auto carry = flow.carryOf.find(v); carry != flow.carryOf.end()) need(carry->second);
    Operation *op = v.getDefiningOp();
    if (op && loop->isProperAncestor(op))
      op->walk([&](Operation *inner) { llvm::append_range(work, inner->getOperands()); });
  }
  return needed;
}

SmallVector<Value> masked(ValueRange values, const llvm::BitVector &mask) {
  SmallVector<Value> result;
  for (unsigned i : mask.set_bits()) result.push_back(values[i]);
  return result;
}

llvm::BitVector flipped(llvm::BitVector mask) {
  return mask.flip();
}

llvm::BitVector part(const llvm::BitVector &mask, unsigned first, unsigned size) {
  llvm::BitVector bits(size);
  for (unsigned i = 0; i < size; ++i)
    if (mask[first + i]) bits.set(i);
  return bits;
}

/// Ends `region` with the yields that `kept` names and erases what nothing needs then.
void dropYields(Region &region, const llvm::BitVector &kept) {
  region.front().getTerminator()->eraseOperands(flipped(kept));
  eraseUnused(region.front());
}

void eraseArguments(Region &region, llvm::BitVector gone) {
  gone.resize(region.getNumArguments());
  region.front().eraseArguments(gone);
}

/// Puts `smaller`, which has the results that `kept` names, in the place of `op`.
Operation *replace(Operation *op, Operation *smaller, const llvm::BitVector &kept) {
  for (auto [k, i] : llvm::enumerate(kept.set_bits()))
    op->getResult(i).replaceAllUsesWith(smaller->getResult(k));
  op->erase();
  return smaller;
}

SmallVector<Type> typesOf(Operation *op, const llvm::BitVector &kept) {
  return llvm::map_to_vector(masked(op->getResults(), kept), [](Value v) { return v.getType(); });
}

Operation *prune(IfOp op) {
  llvm::BitVector kept(op.getNumResults());
  for (OpResult result : op->getResults())
    if (!result.use_empty()) kept.set(result.getResultNumber());
  if (kept.all()) return op;
  OpBuilder b(op);
  auto smaller = IfOp::create(b, op.getLoc(), typesOf(op, kept), op.getPred());
  for (auto [from, to] : llvm::zip(op->getRegions(), smaller->getRegions())) {
    dropYields(from, kept);
    to.takeBody(from);
  }
  return replace(op, smaller, kept);
}

Operation *prune(ScanOp scan) {
  llvm::BitVector kept = neededResults(scan, flowOf(scan));
  unsigned carries = scan.numCarries();
  dropYields(scan.getBody(), kept);
  llvm::BitVector gone = flipped(part(kept, 0, carries));
  gone.resize(scan.getBody().getNumArguments());
  SmallVector<Value> xs;
  for (auto [i, x] : llvm::enumerate(scan.getXs())) {
    if (scan.sliceArgs()[i].use_empty())
      gone.set(carries + i);
    else
      xs.push_back(x);
  }
  if (kept.all() && gone.none()) return scan;
  OpBuilder b(scan);
  auto smaller = ScanOp::create(b, scan.getLoc(), typesOf(scan, kept),
                                masked(scan.getInits(), part(kept, 0, carries)), xs,
                                scan.getTrips(), scan.getReverse());
  eraseArguments(scan.getBody(), gone);
  smaller.getBody().takeBody(scan.getBody());
  return replace(scan, smaller, kept);
}

Operation *prune(WhileOp loop) {
  llvm::BitVector kept = neededResults(loop, flowOf(loop));
  if (kept.all()) return loop;
  dropYields(loop.getBody(), kept);
  eraseUnused(loop.getCondition().front());
  OpBuilder b(loop);
  auto smaller = WhileOp::create(b, loop.getLoc(), typesOf(loop, kept),
                                 masked(loop.getInits(), kept), loop.getSnapshots());
  for (auto [from, to] : llvm::zip(loop->getRegions(), smaller->getRegions())) {
    eraseArguments(from, flipped(kept));
    to.takeBody(from);
  }
  return replace(loop, smaller, kept);
}

Operation *prune(SweepOp sweep) {
  llvm::BitVector kept = neededResults(sweep, flowOf(sweep));
  if (kept.all()) return sweep;
  unsigned forward = sweep.numForward(), reverse = sweep.getReverseInits().size();
  llvm::BitVector keptForward = part(kept, 0, forward), keptReverse = part(kept, forward, reverse);
  dropYields(sweep.getForward(), keptForward);
  dropYields(sweep.getReverse(), keptReverse);
  OpBuilder b(sweep);
  auto smaller =
      SweepOp::create(b, sweep.getLoc(), typesOf(sweep, kept), sweep.getTrips(),
                      masked(sweep.getForwardInits(), keptForward),
                      masked(sweep.getReverseInits(), keptReverse), sweep.getSnapshots());
  eraseArguments(sweep.getForward(), flipped(keptForward));
  eraseArguments(sweep.getReverse(), flipped(kept));
  for (auto [from, to] : llvm::zip(sweep->getRegions(), smaller->getRegions())) to.takeBody(from);
  return replace(sweep, smaller, kept);
}

} // namespace

Operation *pruneResults(Operation *op) {
  return llvm::TypeSwitch<Operation *, Operation *>(op)
      .Case<IfOp, ScanOp, WhileOp, SweepOp>([](auto structured) { return prune(structured); })
      .Default([](Operation *other) { return other; });
}

void eraseUnused(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (isOpTriviallyDead(&op)) {
      op.erase();
      continue;
    }
    for (Region &region : pruneResults(&op)->getRegions())
      for (Block &inner : region) eraseUnused(inner);
  }
}

} // namespace weir::ir
