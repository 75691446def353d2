// Reductions: the common rule is reductionSpace in support.cc; what else there is
// needs a dim whole, or sums windows.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/reduction.cc.inc"

using namespace mlir;

namespace weir::ir {

FailureOr<IterationSpace> argSpace(ValueRange operands, int64_t along, EmitError error) {
  IterationSpaceBuilder s(operands);
  ArrayRef<int64_t> shape = s.shape(0);
  if (failed(checkDims(along, shape.size(), "dim", error))) return failure();
  if (shape[along] == 0) return error() << "dim " << along << " has no elements", failure();
  for (auto [dim, size] : llvm::enumerate(shape))
    if (static_cast<int64_t>(dim) != along) s.operandAlong(0, dim, s.parallel(size));
  return s.take();
}

FailureOr<IterationSpace> FoldOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> shape = s.shape(0), dims = op.getDims(), sizes = op.getSizes();
  int64_t windows = dims.size(), rank = static_cast<int64_t>(shape.size()) - windows;
  if (rank < 0)
    return error() << windows << " windows in a tensor of rank " << shape.size(), failure();
  if (failed(checkDims(dims, rank, "dims", error)) ||
      failed(checkCount(sizes, windows, "sizes", error)) ||
      failed(checkCount(op.getStrides(), windows, "strides", error)) ||
      failed(checkCount(op.getDilations(), windows, "dilations", error)) ||
      failed(checkCount(op.getLow(), windows, "low", error)) || failed(checkShape(sizes, error)) ||
      failed(checkAtLeast(op.getStrides(), 1, "strides", error)) ||
      failed(checkAtLeast(op.getDilations(), 1, "dilations", error)))
    return failure();
  SmallVector<int> loopOf(rank, -1);
  for (int64_t dim = 0; dim < rank; ++dim) {
    const auto *window = llvm::find(dims, dim);
    loopOf[dim] = s.parallel(window == dims.end() ? shape[dim] : sizes[window - dims.begin()]);
    if (window == dims.end()) s.operandAlong(0, dim, loopOf[dim]);
  }
  for (int64_t j = 0; j < windows; ++j) {
    int k = s.loop(shape[rank + j], LoopKind::Sum);
    s.operandAlong(0, rank + j, k);
    s.setOperand(0, dims[j],
                 DimMap::affine({AffineTerm{loopOf[dims[j]], 1}, {k, -op.getDilations()[j]}},
                                op.getLow()[j], shape[dims[j]], op.getStrides()[j]));
  }
  return s.take();
}

} // namespace weir::ir
