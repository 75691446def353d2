// Elementwise ops: checks beyond the common rule (equal shapes, in support.cc).
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/elementwise.cc.inc"

using namespace mlir;

namespace weir::ir {

static int64_t widthOf(Type element) {
  return element.isInteger(1) ? 8 : element.getIntOrFloatBitWidth();
}

LogicalResult SelectOp::verify() {
  auto error = [&] { return opError(getLoc(), getOperationName()); };
  if (!elementOf(getPred()).isInteger(1))
    return error() << "predicate is " << typeString(elementOf(getPred())) << ", but must be i1";
  if (elementOf(getOnTrue()) != elementOf(getOnFalse()))
    return error() << "dtypes differ: " << typeString(getOnTrue().getType()) << " and "
                   << typeString(getOnFalse().getType());
  return success();
}

LogicalResult BitcastOp::verify() {
  if (widthOf(elementOf(getOperand())) == widthOf(getTo())) return success();
  return opError(getLoc(), getOperationName()) << typeString(elementOf(getOperand())) << " and "
                                               << typeString(getTo()) << " differ in width";
}

} // namespace weir::ir
