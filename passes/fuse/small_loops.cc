// Work is counted in elements computed, an op that costs more counting as several: as many as a
// vector has are one instruction. A launch costs some 10 ns, one that threads share microseconds,
// so what one thread does in a microsecond is best left to it. The bound keeps what an iteration
// touches in the nearest caches too, since every element was computed in it.
#include "passes/fuse/small_loops.h"

#include "passes/fuse/op_class.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int64_t kMaxWork = 32768; ///< of an iteration
constexpr int64_t kMaxOps = 256;    ///< code that one function can hold: compiling is not linear
constexpr int64_t kMinPoints = 8;   ///< a scalar takes an instruction as well

int64_t elementsRead(Operation *op) {
  int64_t count = 0;
  for (Value operand : op->getOperands()) count += countOf(operand);
  return count;
}

int64_t workOf(Block &block);

/// More than kMaxWork for what must not be in a small loop.
int64_t workOf(Operation *op) {
  auto isEmpty = [](Value v) { return countOf(v) == 0; };
  if (llvm::any_of(op->getOperands(), isEmpty) || llvm::any_of(op->getResults(), isEmpty))
    return kMaxWork + 1;
  auto points = [&] { return std::max(countOf(op->getResult(0)), kMinPoints); };
  switch (classOf(op)) {
  case OpClass::Splat:
  case OpClass::Constant:
  case OpClass::View:
    return 0;
  case OpClass::Elementwise:
  case OpClass::Layout:
    return points() * costOf(op);
  case OpClass::RowReduce:
  case OpClass::ColumnReduce:
    return std::max(reductionPoints(op), kMinPoints);
  case OpClass::Dot: {
    auto dot = cast<ir::DotOp>(op);
    int64_t work = points();
    for (int64_t dim : dot.getLhsContract()) work *= shapeOf(dot.getLhs())[dim];
    return work;
  }
  case OpClass::Own:
    return 8 * (points() + elementsRead(op));
  case OpClass::Control:
    break;
  }
  if (!isa<ir::IfOp>(op) && !isSmallLoop(op)) return kMaxWork + 1;
  int64_t work = 0;
  for (Value result : op->getResults()) work += countOf(result);
  for (Region &region : op->getRegions()) work += workOf(region.front());
  return work;
}

int64_t workOf(Block &block) {
  int64_t work = 0;
  for (Operation &op : block.without_terminator())
    work = std::min(work + workOf(&op), kMaxWork + 1);
  return work;
}

} // namespace

bool isSmallLoop(Operation *op) {
  if (!isa<ir::WhileOp, ir::ScanOp>(op)) return false;
  auto scan = dyn_cast<ir::ScanOp>(op);
  if (scan && scan.getTrips() == 0) return false;
  if (llvm::any_of(op->getOperands(), [](Value v) { return countOf(v) == 0; })) return false;
  int64_t work = 0, ops = 0;
  // Carries and slices are copied in every iteration.
  for (Region &region : op->getRegions())
    for (BlockArgument argument : region.getArguments()) {
      if (countOf(argument) == 0) return false;
      work += countOf(argument);
    }
  for (Region &region : op->getRegions()) work += workOf(region.front());
  op->walk([&](Operation *) { ++ops; });
  return work <= kMaxWork && ops <= kMaxOps;
}

void moveConstantsOut(Operation *loop) {
  loop->walk([&](Operation *op) {
    if (isa<ir::ConstantOp>(op) && classOf(op) == OpClass::Constant) op->moveBefore(loop);
  });
}

} // namespace weir::passes
