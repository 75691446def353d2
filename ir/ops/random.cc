// Random bits depend on the whole key and on nothing else.
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
  for (int64_t size : op.getShape()) s.parallel(size);
  return s.take();
}

} // namespace weir::ir
