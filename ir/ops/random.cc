// Random bits depend on the whole key, and on where they are.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/random.cc.inc"

using namespace mlir;

namespace weir::ir {

FailureOr<IterationSpace> RandomBitsOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  if (s.shape(0) != ArrayRef<int64_t>{2}) {
    error() << "key is " << typeString(op.getKey().getType()) << ", but must be i32[2]";
    return failure();
  }
  if (failed(checkShape(op.getShape(), error))) return failure();
  Value positions = op.getPositions();
  if (positions && s.shape(1) != op.getShape())
    return error() << "positions have shape " << shapeString(s.shape(1)) << ", the result "
                   << shapeString(op.getShape()),
           failure();
  if (positions && !elementOf(positions).isInteger(32) && !elementOf(positions).isInteger(64))
    return error() << "positions are " << typeString(elementOf(positions))
                   << ", but must be i32 or i64",
           failure();
  for (auto [dim, size] : llvm::enumerate(op.getShape())) {
    int loop = s.parallel(size);
    if (positions) s.operandAlong(1, dim, loop);
  }
  return s.take();
}

} // namespace weir::ir
