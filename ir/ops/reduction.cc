// Reductions: the common rule is reductionSpace in support.cc; argmax needs its dim whole.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/reduction.cc.inc"

using namespace mlir;

namespace weir::ir {

FailureOr<IterationSpace> ArgmaxOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> shape = s.shape(0);
  int64_t along = op.getDim();
  if (failed(checkDims(along, shape.size(), "dim", error))) return failure();
  if (shape[along] == 0) return error() << "dim " << along << " has no elements", failure();
  for (auto [dim, size] : llvm::enumerate(shape))
    if (static_cast<int64_t>(dim) != along) s.operandAlong(0, dim, s.parallel(size));
  return s.take();
}

} // namespace weir::ir
