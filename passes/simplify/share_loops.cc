// Loops and ifs that compute a part of what another one computes. A training step has the forward
// loop twice: once for the loss, once in the derivative, where it also yields residuals. Common
// subexpressions do not see that, because the results differ.
//
// One op is part of another if, assuming that the carries matched by their initial values are equal
// in an iteration, everything it yields is found in the other's body: then by induction they always
// are. Nested loops and ifs are matched the same way.
#include "ir/dialect/weir.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/simplify/simplify.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace weir::passes {
namespace {

bool isShareable(Operation *op) {
  return isa<ir::ScanOp, ir::WhileOp, ir::IfOp>(op);
}

class Part {
public:
  /// Whether `whole` computes all that is read of `part`; `equal` then has part's results.
  bool match(Operation *part, Operation *whole);

  llvm::DenseMap<Value, Value> equal; ///< values of the part in the whole

private:
  Value inWhole(Value v) const {
    Value known = equal.lookup(v);
    return known ? known : v; // from outside of both
  }
  bool matchScan(ir::ScanOp part, ir::ScanOp whole);
  bool matchWhile(ir::WhileOp part, ir::WhileOp whole);
  bool matchIf(ir::IfOp part, ir::IfOp whole);
  /// By their initial values, in order; gives the position in the whole of each.
  std::optional<SmallVector<unsigned>> matchCarries(ValueRange part, ValueRange whole) const;
  bool checkCarries(Block &part, Block &whole, ArrayRef<unsigned> positions) const;
  void matchBlock(Block &part, Block &whole);
  bool isSameOp(Operation *part, Operation *whole) const;
};

bool Part::match(Operation *part, Operation *whole) {
  if (part->getName() != whole->getName()) return false;
  if (auto scan = dyn_cast<ir::ScanOp>(part)) return matchScan(scan, cast<ir::ScanOp>(whole));
  if (auto loop = dyn_cast<ir::WhileOp>(part)) return matchWhile(loop, cast<ir::WhileOp>(whole));
  return matchIf(cast<ir::IfOp>(part), cast<ir::IfOp>(whole));
}

std::optional<SmallVector<unsigned>> Part::matchCarries(ValueRange part, ValueRange whole) const {
  SmallVector<unsigned> positions;
  unsigned next = 0;
  for (Value init : part) {
    while (next < whole.size() && whole[next] != inWhole(init)) ++next;
    if (next == whole.size()) return std::nullopt;
    positions.push_back(next++);
  }
  return positions;
}

bool Part::checkCarries(Block &part, Block &whole, ArrayRef<unsigned> positions) const {
  for (auto [i, position] : llvm::enumerate(positions))
    if (inWhole(part.getTerminator()->getOperand(i)) != whole.getTerminator()->getOperand(position))
      return false;
  return true;
}

bool Part::isSameOp(Operation *part, Operation *whole) const {
  if (part->getName() != whole->getName() || part->getNumOperands() != whole->getNumOperands() ||
      part->getResultTypes() != whole->getResultTypes() ||
      part->getAttrDictionary() != whole->getAttrDictionary())
    return false;
  for (auto [a, b] : llvm::zip(part->getOperands(), whole->getOperands()))
    if (inWhole(a) != b) return false;
  return true;
}

/// Finds what it can of the part's ops in the whole. Ops come in the order of the data flow in
/// both, but not in the same one.
void Part::matchBlock(Block &part, Block &whole) {
  llvm::DenseMap<std::pair<OperationName, Value>, SmallVector<Operation *, 2>> candidates;
  auto keyOf = [](Operation *op, Value first) { return std::pair(op->getName(), first); };
  for (Operation &op : whole.without_terminator()) {
    bool byOperand = !isShareable(&op) && op.getNumOperands();
    candidates[keyOf(&op, byOperand ? op.getOperand(0) : Value())].push_back(&op);
  }
  for (Operation &op : part.without_terminator()) {
    bool byOperand = !isShareable(&op) && op.getNumOperands();
    auto it = candidates.find(keyOf(&op, byOperand ? inWhole(op.getOperand(0)) : Value()));
    if (it == candidates.end()) continue;
    for (Operation *candidate : it->second) {
      if (isShareable(&op)) {
        if (match(&op, candidate)) break;
      } else if (op.getNumRegions() == 0 && !isa<ir::BarrierOp>(op) && isSameOp(&op, candidate)) {
        for (auto [a, b] : llvm::zip(op.getResults(), candidate->getResults())) equal[a] = b;
        break;
      }
    }
  }
}

bool Part::matchScan(ir::ScanOp part, ir::ScanOp whole) {
  if (part.getTrips() != whole.getTrips() || part.getReverse() != whole.getReverse()) return false;
  auto positions = matchCarries(part.getInits(), whole.getInits());
  if (!positions) return false;
  Block &partBody = part.getBody().front(), &wholeBody = whole.getBody().front();
  for (auto [argument, position] : llvm::zip(part.carryArgs(), *positions))
    equal[argument] = whole.carryArgs()[position];
  for (auto [x, slice] : llvm::zip(part.getXs(), part.sliceArgs())) {
    auto same = llvm::find(whole.getXs(), inWhole(x));
    if (same != whole.getXs().end()) equal[slice] = whole.sliceArgs()[same - whole.getXs().begin()];
  }
  matchBlock(partBody, wholeBody);
  if (!checkCarries(partBody, wholeBody, *positions)) return false;
  auto wholeStacks = wholeBody.getTerminator()->getOperands().drop_front(whole.numCarries());
  for (auto [i, stack] : llvm::enumerate(part.stackedOutputs())) {
    if (stack.use_empty()) continue;
    Value yielded = partBody.getTerminator()->getOperand(part.numCarries() + i);
    auto same = llvm::find(wholeStacks, inWhole(yielded));
    if (same == wholeStacks.end()) return false;
    equal[stack] = whole.stackedOutputs()[same - wholeStacks.begin()];
  }
  for (auto [final, position] : llvm::zip(part.finalCarries(), *positions))
    equal[final] = whole.finalCarries()[position];
  return true;
}

bool Part::matchWhile(ir::WhileOp part, ir::WhileOp whole) {
  auto positions = matchCarries(part.getInits(), whole.getInits());
  if (!positions) return false;
  Block &partBody = part.getBody().front(), &wholeBody = whole.getBody().front();
  Block &partCondition = part.getCondition().front(),
        &wholeCondition = whole.getCondition().front();
  for (auto [i, position] : llvm::enumerate(*positions)) {
    equal[partBody.getArgument(i)] = wholeBody.getArgument(position);
    equal[partCondition.getArgument(i)] = wholeCondition.getArgument(position);
  }
  matchBlock(partCondition, wholeCondition);
  if (!checkCarries(partCondition, wholeCondition, {0})) return false;
  matchBlock(partBody, wholeBody);
  if (!checkCarries(partBody, wholeBody, *positions)) return false;
  for (auto [final, position] : llvm::zip(part.getResults(), *positions))
    equal[final] = whole.getResult(position);
  return true;
}

bool Part::matchIf(ir::IfOp part, ir::IfOp whole) {
  if (inWhole(part.getPred()) != whole.getPred()) return false;
  for (auto [a, b] : llvm::zip(part->getRegions(), whole->getRegions()))
    matchBlock(a.front(), b.front());
  auto yielded = [](Operation *op, unsigned region, unsigned i) {
    return op->getRegion(region).front().getTerminator()->getOperand(i);
  };
  for (OpResult result : part->getResults()) {
    if (result.use_empty()) continue;
    unsigned i = result.getResultNumber();
    auto same = llvm::find_if(whole->getResults(), [&](OpResult other) {
      unsigned j = other.getResultNumber();
      return inWhole(yielded(part, 0, i)) == yielded(whole, 0, j) &&
             inWhole(yielded(part, 1, i)) == yielded(whole, 1, j);
    });
    if (same == whole->getResults().end()) return false;
    equal[result] = *same;
  }
  return true;
}

/// Moves `op`, with what it reads, before `place` unless it depends on what stands there.
class Raise {
public:
  Raise(Operation *op, Operation *place) : op(op), place(place) {}

  /// Finds the ops that must go first.
  bool isPossible() {
    SmallVector<Operation *> worklist{op};
    while (!worklist.empty()) {
      Operation *reader = worklist.pop_back_val();
      llvm::SetVector<Value> read;
      getUsedValuesDefinedAbove(reader->getRegions(), read);
      read.insert(reader->operand_begin(), reader->operand_end());
      for (Value v : read) {
        Operation *maker = v.getDefiningOp();
        if (!maker || maker->getBlock() != place->getBlock() || maker->isBeforeInBlock(place))
          continue;
        if (maker == place || maker->getNumRegions() || needed.size() == kMost) return false;
        if (needed.insert(maker)) worklist.push_back(maker);
      }
    }
    return true;
  }

  void run() {
    SmallVector<Operation *> ops = needed.takeVector();
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *maker : ops) maker->moveBefore(place);
    op->moveBefore(place);
  }

private:
  static constexpr size_t kMost = 32;
  Operation *op, *place;
  llvm::SetVector<Operation *> needed;
};

bool isPartOf(Operation *part, Operation *whole) {
  if (part->use_empty()) return false; // goes anyway
  bool comesFirst = part->isBeforeInBlock(whole);
  Raise raise(whole, part);
  if (comesFirst && !raise.isPossible()) return false;
  Part matched;
  if (!matched.match(part, whole)) return false;
  if (comesFirst) raise.run();
  for (Value result : part->getResults())
    if (!result.use_empty()) result.replaceAllUsesWith(matched.equal.lookup(result));
  part->erase();
  return true;
}

bool shareIn(Block &block) {
  constexpr size_t kMost = 64; ///< of a block: every one is compared with every other
  SmallVector<Operation *> ops;
  for (Operation &op : block)
    if (isShareable(&op) && ops.size() < kMost) ops.push_back(&op);
  bool changed = false;
  for (Operation *&part : ops)
    for (Operation *whole : ops)
      if (part && whole && part != whole && isPartOf(part, whole)) {
        part = nullptr;
        changed = true;
      }
  return changed;
}

} // namespace

bool shareLoops(Operation *root) {
  llvm::SetVector<Block *> blocks; // outer ones first
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isShareable(op)) blocks.insert(op->getBlock());
  });
  bool changed = false;
  for (Block *block : llvm::reverse(blocks)) changed |= shareIn(*block);
  return changed;
}

} // namespace weir::passes
