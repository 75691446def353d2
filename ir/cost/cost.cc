// FLOPs and bytes of ops.
#include "ir/cost/cost.h"

#include "ir/dialect/weir.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weir::ir {

static int64_t flopsOfCallee(Operation *op, FlatSymbolRefAttr callee) {
  auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, callee);
  return function ? flopsOfBody(function.getBody()) : 0;
}

/// Points at which every operand is there: of `divisor` neighbours along a divided dim only one is.
static int64_t usefulPoints(const IterationSpace &space) {
  int64_t points = space.points();
  for (const TensorMap &operand : space.operands)
    for (const DimMap &dim : operand) points /= dim.divisor;
  return points;
}

int64_t flopsOf(Operation *op) {
  if (auto primitive = dyn_cast<IterationSpaceOp>(op)) {
    if (primitive.flopsPerPoint() == 0) return 0;
    auto space = primitive.iterationSpace();
    return succeeded(space) ? usefulPoints(*space) * primitive.flopsPerPoint() : 0;
  }
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case([](IfOp branch) {
        return std::max(flopsOfBody(branch.getThenRegion()), flopsOfBody(branch.getElseRegion()));
      })
      .Case([](ScanOp scan) { return scan.getTrips() * flopsOfBody(scan.getBody()); })
      .Case<CallOp, LaunchOp>([](auto call) { return flopsOfCallee(call, call.getCalleeAttr()); })
      .Default([](Operation *) { return 0; });
}

int64_t flopsOfBody(Region &body) {
  int64_t total = 0;
  for (Block &block : body)
    for (Operation &op : block) total += flopsOf(&op);
  return total;
}

int64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * ((tensor.getElementTypeBitWidth() + 7) / 8);
}

int64_t bytesMoved(Operation *op) {
  int64_t total = 0;
  llvm::SmallPtrSet<Value, 8> seen;
  for (Value operand : op->getOperands())
    if (seen.insert(operand).second) total += bytesOf(operand.getType());
  for (Value result : op->getResults()) total += bytesOf(result.getType());
  return total;
}

} // namespace weir::ir
