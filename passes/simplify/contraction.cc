// Dots absorb the transposes around them: an operand's into the dimension numbers, a result's by
// swapping the operands. A row times a transposed matrix is the matrix times a vector.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

SmallVector<int64_t> mapDims(ArrayRef<int64_t> dims, ArrayRef<int64_t> permutation) {
  return llvm::to_vector(llvm::map_range(dims, [&](int64_t d) { return permutation[d]; }));
}

/// The transpose feeding `operand`, if the free dims keep their order without it.
ir::TransposeOp absorbable(Value operand, ArrayRef<int64_t> free) {
  auto transpose = operand.getDefiningOp<ir::TransposeOp>();
  if (!transpose || !llvm::is_sorted(mapDims(free, transpose.getPermutation()))) return nullptr;
  return transpose;
}

struct DotOfTranspose : OpRewritePattern<ir::DotOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::DotOp op, PatternRewriter &rewriter) const override {
    Value lhs = op.getLhs(), rhs = op.getRhs();
    SmallVector<int64_t> lhsBatch(op.getLhsBatch()), rhsBatch(op.getRhsBatch());
    SmallVector<int64_t> lhsContract(op.getLhsContract()), rhsContract(op.getRhsContract());
    if (auto t = absorbable(lhs, op.lhsFree())) {
      lhsBatch = mapDims(lhsBatch, t.getPermutation());
      lhsContract = mapDims(lhsContract, t.getPermutation());
      lhs = t.getOperand();
    }
    if (auto t = absorbable(rhs, op.rhsFree())) {
      rhsBatch = mapDims(rhsBatch, t.getPermutation());
      rhsContract = mapDims(rhsContract, t.getPermutation());
      rhs = t.getOperand();
    }
    if (lhs == op.getLhs() && rhs == op.getRhs()) return failure();
    rewriter.replaceOpWithNewOp<ir::DotOp>(op, lhs, rhs, lhsBatch, rhsBatch, lhsContract,
                                           rhsContract);
    return success();
  }
};

/// transpose(dot(a, b)) that brings the rhs's free dims before the lhs's is dot(b, a).
struct TransposeOfDot : OpRewritePattern<ir::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::TransposeOp op, PatternRewriter &rewriter) const override {
    auto dot = op.getOperand().getDefiningOp<ir::DotOp>();
    if (!dot || !dot->hasOneUse()) return failure();
    int64_t batch = dot.getLhsBatch().size(), lhsFree = dot.lhsFree().size(),
            rhsFree = dot.rhsFree().size();
    SmallVector<int64_t> swapped;
    for (int64_t d = 0; d < batch; ++d) swapped.push_back(d);
    for (int64_t d = 0; d < rhsFree; ++d) swapped.push_back(batch + lhsFree + d);
    for (int64_t d = 0; d < lhsFree; ++d) swapped.push_back(batch + d);
    if (op.getPermutation() != ArrayRef<int64_t>(swapped)) return failure();
    rewriter.replaceOpWithNewOp<ir::DotOp>(op, dot.getRhs(), dot.getLhs(), dot.getRhsBatch(),
                                           dot.getLhsBatch(), dot.getRhsContract(),
                                           dot.getLhsContract());
    return success();
  }
};

/// x [1, k] * m [n, k] transposed, as m * x: the matrix is read as it lies, where a product of
/// matrices would transpose it.
struct RowTimesTransposed : OpRewritePattern<ir::DotOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::DotOp op, PatternRewriter &rewriter) const override {
    const RankedTensorType row = op.getLhs().getType(), matrix = op.getRhs().getType();
    if (matrix.getRank() != 2 || op.getRhsContract() != ArrayRef<int64_t>{1} ||
        row.getNumElements() != matrix.getDimSize(1) || row.getNumElements() == 0)
      return failure();
    Value vector =
        ir::ReshapeOp::create(rewriter, op.getLoc(), op.getLhs(), {row.getNumElements()});
    const ArrayRef<int64_t> none;
    Value product =
        ir::DotOp::create(rewriter, op.getLoc(), op.getRhs(), vector, none, none, {1}, {0});
    rewriter.replaceOpWithNewOp<ir::ReshapeOp>(op, product, op.getType().getShape());
    return success();
  }
};

} // namespace

void populateContractionPatterns(RewritePatternSet &patterns) {
  patterns.add<DotOfTranspose, TransposeOfDot, RowTimesTransposed>(patterns.getContext());
}

} // namespace weir::passes
