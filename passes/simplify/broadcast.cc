// Broadcasts: merged with each other, freed of unit dims, turned into reshapes when nothing
// repeats.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

ArrayRef<int64_t> shapeOf(Value v) {
  return cast<RankedTensorType>(v.getType()).getShape();
}
int64_t countOf(Value v) {
  return cast<RankedTensorType>(v.getType()).getNumElements();
}

/// Nothing repeats: the elements keep their order.
struct BroadcastToReshape : OpRewritePattern<ir::BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::BroadcastOp op, PatternRewriter &rewriter) const override {
    if (op.getType() == op.getOperand().getType())
      return rewriter.replaceOp(op, op.getOperand()), success();
    if (countOf(op.getResult()) != countOf(op.getOperand())) return failure();
    return rewriter.replaceOpWithNewOp<ir::ReshapeOp>(op, op.getOperand(), op.getShape()),
           success();
  }
};

struct MergeBroadcasts : OpRewritePattern<ir::BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::BroadcastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<ir::BroadcastOp>();
    if (!inner) return failure();
    SmallVector<int64_t> dims;
    for (int64_t d : inner.getDims()) dims.push_back(op.getDims()[d]);
    return rewriter.replaceOpWithNewOp<ir::BroadcastOp>(op, inner.getOperand(), op.getShape(),
                                                        dims),
           success();
  }
};

/// Unit dims of the operand say nothing: without them equal broadcasts look equal.
struct DropUnitDims : OpRewritePattern<ir::BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::BroadcastOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape = shapeOf(op.getOperand());
    if (!llvm::is_contained(shape, 1)) return failure();
    SmallVector<int64_t> kept, dims;
    for (auto [size, dim] : llvm::zip(shape, op.getDims())) {
      if (size == 1) continue;
      kept.push_back(size);
      dims.push_back(dim);
    }
    Value operand = ir::ReshapeOp::create(rewriter, op.getLoc(), op.getOperand(), kept);
    return rewriter.replaceOpWithNewOp<ir::BroadcastOp>(op, operand, op.getShape(), dims),
           success();
  }
};

/// A transposed broadcast is a broadcast of the (perhaps transposed) operand.
struct TransposeOfBroadcast : OpRewritePattern<ir::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::TransposeOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getOperand().getDefiningOp<ir::BroadcastOp>();
    if (!broadcast) return failure();
    SmallVector<int64_t> permutation, dims;
    for (auto [i, from] : llvm::enumerate(op.getPermutation())) {
      const int64_t *at = llvm::find(broadcast.getDims(), from);
      if (at == broadcast.getDims().end()) continue;
      permutation.push_back(at - broadcast.getDims().begin());
      dims.push_back(i);
    }
    Value operand = broadcast.getOperand();
    if (!llvm::is_sorted(permutation))
      operand = ir::TransposeOp::create(rewriter, op.getLoc(), operand, permutation);
    rewriter.replaceOpWithNewOp<ir::BroadcastOp>(op, operand, shapeOf(op.getResult()), dims);
    return success();
  }
};

} // namespace

void populateBroadcastPatterns(RewritePatternSet &patterns) {
  patterns.add<BroadcastToReshape, MergeBroadcasts, DropUnitDims, TransposeOfBroadcast>(
      patterns.getContext());
}

} // namespace weir::passes
