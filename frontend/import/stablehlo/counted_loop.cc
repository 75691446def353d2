// The counter is run: condition and steps are evaluated until the condition fails. Positions of
// slices are then evaluated for every iteration, so it does not matter how they are computed.
#include "frontend/import/stablehlo/counted_loop.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

constexpr int64_t kMostTrips = 1 << 20;

/// The known integer carries at the start of each iteration.
class Counters {
public:
  explicit Counters(Operation *loop) : loop(loop), body(loop->getRegion(1).front()) {
    for (auto [k, operand] : llvm::enumerate(loop->getOperands())) {
      Bindings none;
      auto type = dyn_cast<RankedTensorType>(operand.getType());
      if (!type || type.getRank() != 0 || !type.getElementType().isInteger()) continue;
      if (auto start = evaluate(operand, none)) values[static_cast<unsigned>(k)] = {*start};
    }
  }

  /// Runs the loop; whether it ends.
  bool run() {
    Block &condition = loop->getRegion(0).front();
    for (;; ++trips) {
      Bindings known = bind(condition, trips);
      auto goesOn = evaluate(condition.back().getOperand(0), known);
      if (!goesOn || goesOn->dtype != i1 || trips > kMostTrips) return false;
      if (!goesOn->integer) return true;
      if (!step()) return false;
    }
  }

  int64_t tripCount() const { return trips; }

  /// The values of an integer of the body over all iterations, as rows; nothing when they are not
  /// consecutive rows within [0, size).
  std::optional<RowSequence> rows(Value index, int64_t size) {
    RowSequence rows;
    for (int64_t i = 0; i < trips; ++i) {
      Bindings known = bind(body, i);
      auto at = evaluate(index, known);
      if (!at || at->isFloat() || at->integer < 0 || at->integer >= size) return std::nullopt;
      if (i == 0) rows.start = at->integer;
      if (i == 1) rows.step = at->integer - rows.start;
      if ((rows.step != 1 && rows.step != -1) || at->integer != rows.start + i * rows.step)
        return std::nullopt;
    }
    return rows;
  }

  /// A position that depends on no counter is the same in every iteration.
  static bool isZero(Value index) {
    Bindings none;
    auto at = evaluate(index, none);
    return at && !at->isFloat() && at->integer == 0;
  }

private:
  Bindings bind(Block &block, int64_t iteration) const {
    Bindings known;
    for (const auto &[k, sequence] : values)
      if (iteration < static_cast<int64_t>(sequence.size()))
        known[block.getArgument(k)] = sequence[static_cast<size_t>(iteration)];
    return known;
  }

  /// Appends the values after iteration `trips`; a carry that is not known then is forgotten.
  /// Whether anything has changed: else the loop never ends.
  bool step() {
    Bindings known = bind(body, trips);
    bool changed = false;
    for (auto it = values.begin(); it != values.end();) {
      auto next = evaluate(body.back().getOperand(it->first), known);
      changed |= !next || !(*next == it->second.back());
      if (next) it->second.push_back(*next);
      it = next ? std::next(it) : values.erase(it);
    }
    return changed;
  }

  Operation *loop;
  Block &body;
  std::map<unsigned, std::vector<Scalar>> values;
  int64_t trips = 0;
};

/// Whether `window` is one row, and full in the other dims, at position `row`, 0, 0, ....
std::optional<RowSequence> rowsOf(Counters &counters, Type whole, Type window,
                                  ValueRange positions) {
  auto full = dyn_cast<RankedTensorType>(whole), part = dyn_cast<RankedTensorType>(window);
  if (!full || !part || full.getRank() == 0 || full.getRank() != part.getRank() ||
      positions.size() != static_cast<size_t>(full.getRank()) || part.getDimSize(0) != 1 ||
      full.getShape().drop_front() != part.getShape().drop_front())
    return std::nullopt;
  for (Value position : positions.drop_front())
    if (!counters.isZero(position)) return std::nullopt;
  return counters.rows(positions[0], full.getDimSize(0));
}

std::optional<RowRead> rowRead(Counters &counters, Operation &op, Operation *loop,
                               const std::vector<bool> &invariant) {
  if (op.getName().getStringRef() != "stablehlo.dynamic_slice" || op.getNumOperands() < 2 ||
      op.getNumResults() != 1)
    return std::nullopt;
  Value from = op.getOperand(0);
  if (auto argument = dyn_cast<BlockArgument>(from);
      argument && argument.getOwner() == op.getBlock()) {
    if (!invariant[argument.getArgNumber()]) return std::nullopt;
    from = loop->getOperand(argument.getArgNumber());
  } else if (from.getParentBlock() == op.getBlock()) {
    return std::nullopt;
  }
  auto rows =
      rowsOf(counters, from.getType(), op.getResult(0).getType(), op.getOperands().drop_front());
  return rows ? std::optional(RowRead{&op, from, *rows}) : std::nullopt;
}

std::optional<RowWrite> rowWrite(Counters &counters, Block &body, unsigned carry) {
  BlockArgument argument = body.getArgument(carry);
  Operation *op = body.back().getOperand(carry).getDefiningOp();
  if (!op || op->getName().getStringRef() != "stablehlo.dynamic_update_slice" ||
      op->getBlock() != &body || op->getNumOperands() < 3 || op->getNumResults() != 1 ||
      op->getOperand(0) != argument || !argument.hasOneUse() || !op->getResult(0).hasOneUse())
    return std::nullopt;
  auto rows = rowsOf(counters, argument.getType(), op->getOperand(1).getType(),
                     op->getOperands().drop_front(2));
  return rows ? std::optional(RowWrite{carry, op, *rows}) : std::nullopt;
}

} // namespace

bool isWellFormedLoop(Operation *loop) {
  if (loop->getNumRegions() != 2 || loop->getOperandTypes() != loop->getResultTypes()) return false;
  for (Region &region : loop->getRegions())
    if (!region.hasOneBlock() || region.front().empty() ||
        region.front().getArgumentTypes() != loop->getOperandTypes())
      return false;
  return loop->getRegion(0).front().back().getNumOperands() == 1 &&
         loop->getRegion(1).front().back().getOperandTypes() == loop->getOperandTypes();
}

std::optional<CountedLoop> countLoop(Operation *loop) {
  Counters counters(loop);
  if (!counters.run()) return std::nullopt;
  CountedLoop result;
  result.trips = counters.tripCount();
  Block &body = loop->getRegion(1).front();
  for (unsigned k = 0; k < body.getNumArguments(); ++k)
    result.invariant.push_back(body.back().getOperand(k) == body.getArgument(k));
  if (result.trips == 0) return result;
  for (Operation &op : llvm::drop_end(body))
    if (auto read = rowRead(counters, op, loop, result.invariant)) result.reads.push_back(*read);
  for (unsigned k = 0; k < body.getNumArguments(); ++k)
    if (auto write = rowWrite(counters, body, k)) result.writes.push_back(*write);
  return result;
}

} // namespace weir::stablehlo
