// dot: loops are batch, lhs free, rhs free, then the contracted ones in ascending order.
// convolution: n, g, o, positions, then c and the window.
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

static LogicalResult checkDtypesEqual(Value lhs, Value rhs, EmitError error) {
  if (elementOf(lhs) == elementOf(rhs)) return success();
  return error() << "dtypes differ: lhs is " << typeString(elementOf(lhs)) << ", rhs is "
                 << typeString(elementOf(rhs)),
         failure();
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
  if (failed(checkDtypesEqual(op.getLhs(), op.getRhs(), error))) return failure();
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

static LogicalResult checkConvolution(ConvolutionOp::Adaptor op, ArrayRef<int64_t> lhs,
                                      ArrayRef<int64_t> rhs, EmitError error) {
  if (lhs.size() < 3 || lhs.size() > 6 || rhs.size() != lhs.size())
    return error() << "lhs " << shapeString(lhs) << " and rhs " << shapeString(rhs)
                   << " must be [N, G, C, spatial...] and [G, O, C, window...] with equally many "
                      "spatial dims, 0 to 3",
           failure();
  if (lhs[1] != rhs[0] || lhs[2] != rhs[2])
    return error() << "lhs has " << lhs[1] << " groups of " << lhs[2] << " channels, rhs has "
                   << rhs[0] << " groups of " << rhs[2],
           failure();
  int64_t spatial = lhs.size() - 3;
  auto count = [&](ArrayRef<int64_t> list, StringRef what) {
    if (static_cast<int64_t>(list.size()) == spatial) return success();
    return error() << what << " has " << list.size() << " entries for " << spatial
                   << " spatial dims",
           failure();
  };
  return success(succeeded(count(op.getStrides(), "strides")) &&
                 succeeded(count(op.getLow(), "low")) && succeeded(count(op.getHigh(), "high")) &&
                 succeeded(count(op.getLhsDilation(), "lhs_dilation")) &&
                 succeeded(count(op.getRhsDilation(), "rhs_dilation")) &&
                 succeeded(checkAtLeast(op.getStrides(), 1, "strides", error)) &&
                 succeeded(checkAtLeast(op.getLhsDilation(), 1, "lhs_dilation", error)) &&
                 succeeded(checkAtLeast(op.getRhsDilation(), 1, "rhs_dilation", error)));
}

FailureOr<IterationSpace> ConvolutionOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> lhs = s.shape(0), rhs = s.shape(1);
  if (failed(checkDtypesEqual(op.getLhs(), op.getRhs(), error)) ||
      failed(checkConvolution(op, lhs, rhs, error)))
    return failure();
  int n = s.parallel(lhs[0]), g = s.parallel(lhs[1]), o = s.parallel(rhs[1]);
  int64_t spatial = lhs.size() - 3;
  SmallVector<int> positions;
  for (int64_t d = 0; d < spatial; ++d) {
    int64_t dilated = lhs[3 + d] == 0 ? 0 : (lhs[3 + d] - 1) * op.getLhsDilation()[d] + 1;
    positions.push_back(s.parallel(
        rhs[3 + d] == 0 ? 0
                        : windowPositions(dilated, op.getLow()[d], op.getHigh()[d], rhs[3 + d],
                                          op.getStrides()[d], op.getRhsDilation()[d])));
  }
  int c = s.loop(lhs[2], LoopKind::Sum);
  s.operandAlong(0, 0, n);
  s.operandAlong(0, 1, g);
  s.operandAlong(0, 2, c);
  s.operandAlong(1, 0, g);
  s.operandAlong(1, 1, o);
  s.operandAlong(1, 2, c);
  for (int64_t d = 0; d < spatial; ++d) {
    int k = s.loop(rhs[3 + d], LoopKind::Sum);
    s.operandAlong(1, 3 + d, k);
    s.setOperand(
        0, 3 + d,
        DimMap::affine({AffineTerm{positions[d], op.getStrides()[d]}, {k, op.getRhsDilation()[d]}},
                       -op.getLow()[d], lhs[3 + d], op.getLhsDilation()[d]));
  }
  return s.take();
}

} // namespace weir::ir
