// Places: how the index at which an op's value is wanted becomes the index at which its operands
// are.
#include "passes/fuse/clustering.h"

using namespace mlir;

namespace weir::passes {

StringRef kindName(KernelKind kind) {
  switch (kind) {
  case KernelKind::Loop:
    return "loop";
  case KernelKind::Row:
    return "row";
  case KernelKind::Column:
    return "column";
  case KernelKind::Dot:
    return "dot";
  case KernelKind::Own:
  case KernelKind::Control:
    break;
  }
  return "op";
}

Place Place::with(Place o) const {
  if (!bits) return o;
  if (!o.bits) return *this;
  if ((bits & Lead) && (o.bits & Lead) && lead != o.lead)
    return {uint8_t((bits | o.bits | Spread) & ~Lead), 0};
  return {uint8_t(bits | o.bits), std::max(lead, o.lead)};
}

static Place moved(Place place) {
  bool spread = place.bits & (Place::Lead | Place::Spread);
  return {uint8_t(spread ? Place::Spread : Place::Moved), 0};
}

/// Below a broadcast: once a row if the operand's dims are the leading ones, else many times.
static Place belowBroadcast(ir::BroadcastOp op, Place place) {
  ArrayRef<int64_t> dims = op.getDims();
  for (auto [i, d] : llvm::enumerate(dims))
    if (int64_t(i) != d) return {Place::Spread, 0};
  int64_t rows = countOf(op.getOperand());
  if (!place.is(Place::Full) || rows == 1) return {Place::Spread, 0};
  return {Place::Lead, rows};
}

/// Windows that overlap want each value many times; so does a fold, which looks at every window
/// for each of its elements.
static Place belowWindows(Operation *op, Place place) {
  int64_t points = isa<ir::FoldOp>(op) ? reductionPoints(op) : countOf(op->getResult(0));
  return points <= 2 * countOf(op->getOperand(0)) ? moved(place) : Place{Place::Spread, 0};
}

Place Clustering::operandPlace(OpOperand &operand, Place place) {
  Operation *op = operand.getOwner();
  switch (classOf(op)) {
  case OpClass::Elementwise:
  case OpClass::View:
    return place;
  case OpClass::RowReduce:
  case OpClass::ColumnReduce:
    if (isa<ir::FoldOp>(op)) return belowWindows(op, {Place::Full, 0});
    return {Place::Full, 0};
  case OpClass::Layout:
    if (isa<ir::UnfoldOp>(op) && operand.getOperandNumber() == 0) return belowWindows(op, place);
    if (auto broadcast = dyn_cast<ir::BroadcastOp>(op)) return belowBroadcast(broadcast, place);
    return moved(place);
  default:
    return {Place::Moved, 0};
  }
}

Place Clustering::placeIn(const Cluster &cluster, Value value) const {
  Place place;
  for (OpOperand &use : value.getUses()) {
    auto *it = cluster.ops.find(use.getOwner());
    if (it != cluster.ops.end()) place = place.with(operandPlace(use, it->second));
  }
  return place;
}

SmallVector<int> Clustering::readersOf(Value value) const {
  llvm::SmallSetVector<int, 4> readers;
  for (Operation *user : value.getUsers()) {
    auto it = memberships.find(user);
    if (it == memberships.end()) continue;
    for (int c : it->second)
      if (!clusters[c].contains(value.getDefiningOp())) readers.insert(c);
  }
  SmallVector<int> sorted = readers.takeVector();
  llvm::sort(sorted);
  return sorted;
}

} // namespace weir::passes
