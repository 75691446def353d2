// Reshapes, transposes, reverses: identities dropped, chains composed, transposes of unit dims made
// reshapes.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

ArrayRef<int64_t> shapeOf(Value v) {
  return cast<RankedTensorType>(v.getType()).getShape();
}

struct SimplifyReshape : OpRewritePattern<ir::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::ReshapeOp op, PatternRewriter &rewriter) const override {
    if (op.getType() == op.getOperand().getType())
      return rewriter.replaceOp(op, op.getOperand()), success();
    auto inner = op.getOperand().getDefiningOp<ir::ReshapeOp>();
    if (!inner) return failure();
    return rewriter.replaceOpWithNewOp<ir::ReshapeOp>(op, inner.getOperand(), op.getShape()),
           success();
  }
};

/// The order of the elements stays if the dims longer than 1 keep their order.
bool keepsOrder(ArrayRef<int64_t> permutation, ArrayRef<int64_t> operandShape) {
  int64_t last = -1;
  for (int64_t d : permutation) {
    if (operandShape[d] == 1) continue;
    if (d < last) return false;
    last = d;
  }
  return true;
}

struct SimplifyTranspose : OpRewritePattern<ir::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::TransposeOp op, PatternRewriter &rewriter) const override {
    if (llvm::is_sorted(op.getPermutation()))
      return rewriter.replaceOp(op, op.getOperand()), success();
    if (keepsOrder(op.getPermutation(), shapeOf(op.getOperand())))
      return rewriter.replaceOpWithNewOp<ir::ReshapeOp>(op, op.getOperand(),
                                                        shapeOf(op.getResult())),
             success();
    auto inner = op.getOperand().getDefiningOp<ir::TransposeOp>();
    if (!inner) return failure();
    SmallVector<int64_t> permutation;
    for (int64_t d : op.getPermutation()) permutation.push_back(inner.getPermutation()[d]);
    return rewriter.replaceOpWithNewOp<ir::TransposeOp>(op, inner.getOperand(), permutation),
           success();
  }
};

struct SimplifyReverse : OpRewritePattern<ir::ReverseOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::ReverseOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape = shapeOf(op.getOperand());
    if (llvm::all_of(op.getDims(), [&](int64_t d) { return shape[d] <= 1; }))
      return rewriter.replaceOp(op, op.getOperand()), success();
    auto inner = op.getOperand().getDefiningOp<ir::ReverseOp>();
    if (!inner || inner.getDims() != op.getDims()) return failure();
    return rewriter.replaceOp(op, inner.getOperand()), success();
  }
};

} // namespace

void populateReshapePatterns(RewritePatternSet &patterns) {
  patterns.add<SimplifyReshape, SimplifyTranspose, SimplifyReverse>(patterns.getContext());
}

} // namespace weir::passes
