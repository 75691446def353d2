// dot: loops are batch, lhs free, rhs free, then the contracted ones in ascending order.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/contraction.cc.inc"

using namespace mlir;

namespace weir::ir {

static SmallVector<int64_t> freeDims(int64_t rank, ArrayRef<int64_t> batch,
                                     ArrayRef<int64_t> contract) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contract, dim)) dims.push_back(dim);
  return dims;
}

SmallVector<int64_t> DotOp::lhsFree() {
  return freeDims(getLhs().getType().getRank(), getLhsBatch(), getLhsContract());
}

SmallVector<int64_t> DotOp::rhsFree() {
  return freeDims(getRhs().getType().getRank(), getRhsBatch(), getRhsContract());
}

static LogicalResult checkPairs(IterationSpaceBuilder &s, ArrayRef<int64_t> lhs,
                                ArrayRef<int64_t> rhs, StringRef what, EmitError error) {
  if (lhs.size() != rhs.size())
    return error() << what << " dims: " << lhs.size() << " of lhs, " << rhs.size() << " of rhs",
           failure();
  for (auto [l, r] : llvm::zip(lhs, rhs))
    if (s.shape(0)[l] != s.shape(1)[r])
      return error() << what << " dims differ: lhs dim " << l << " is " << s.shape(0)[l]
                     << ", rhs dim " << r << " is " << s.shape(1)[r],
             failure();
  return success();
}

FailureOr<IterationSpace> DotOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  if (elementOf(op.getLhs()) != elementOf(op.getRhs())) {
    error() << "dtypes differ: lhs is " << typeString(elementOf(op.getLhs())) << ", rhs is "
            << typeString(elementOf(op.getRhs()));
    return failure();
  }
  auto all = [](ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
    return llvm::to_vector(llvm::concat<const int64_t>(a, b));
  };
  int64_t lhsRank = s.shape(0).size(), rhsRank = s.shape(1).size();
  if (failed(checkDims(all(op.getLhsBatch(), op.getLhsContract()), lhsRank, "lhs", error)) ||
      failed(checkDims(all(op.getRhsBatch(), op.getRhsContract()), rhsRank, "rhs", error)) ||
      failed(checkPairs(s, op.getLhsBatch(), op.getRhsBatch(), "batch", error)) ||
      failed(checkPairs(s, op.getLhsContract(), op.getRhsContract(), "contracted", error)))
    return failure();
  for (auto [l, r] : llvm::zip(op.getLhsBatch(), op.getRhsBatch())) {
    int loop = s.parallel(s.shape(0)[l]);
    s.operandAlong(0, l, loop);
    s.operandAlong(1, r, loop);
  }
  for (int64_t dim : freeDims(lhsRank, op.getLhsBatch(), op.getLhsContract()))
    s.operandAlong(0, dim, s.parallel(s.shape(0)[dim]));
  for (int64_t dim : freeDims(rhsRank, op.getRhsBatch(), op.getRhsContract()))
    s.operandAlong(1, dim, s.parallel(s.shape(1)[dim]));
  for (auto [l, r] : llvm::zip(op.getLhsContract(), op.getRhsContract())) {
    int loop = s.loop(s.shape(0)[l], LoopKind::Sum);
    s.operandAlong(0, l, loop);
    s.operandAlong(1, r, loop);
  }
  return s.take();
}

} // namespace weir::ir
