// barrier and undef.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/state.cc.inc"

using namespace mlir;

namespace weir::ir {

LogicalResult BarrierOp::verify() {
  if (getInputs().getTypes() == getOutputs().getTypes()) return success();
  return opError(getLoc(), getOperationName()) << "types of inputs and outputs differ";
}

FailureOr<IterationSpace> UndefOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  if (failed(checkShape(op.getShape(), error))) return failure();
  for (int64_t size : op.getShape()) s.parallel(size);
  return s.take();
}

} // namespace weir::ir
