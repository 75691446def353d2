// Reductions over nothing, of unit dims, of broadcasts, of transposes, and of reductions.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/simplify/scalar.h"
#include "passes/simplify/simplify.h"

#include <cmath>

using namespace mlir;

namespace weir::passes {
namespace {

ArrayRef<int64_t> shapeOf(Value v) {
  return cast<RankedTensorType>(v.getType()).getShape();
}

/// All reduced dims have one element: the reduction is a reshape. Some have: they are reshaped away
/// first.
template <class Op> struct DropUnitReduction : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape = shapeOf(op.getOperand());
    auto isUnit = [&](int64_t d) { return shape[d] == 1; };
    if (llvm::all_of(op.getDims(), isUnit))
      return rewriter.replaceOpWithNewOp<ir::ReshapeOp>(op, op.getOperand(),
                                                        shapeOf(op.getResult())),
             success();
    if (llvm::none_of(op.getDims(), isUnit)) return failure();
    SmallVector<int64_t> kept, dims;
    for (auto [d, size] : llvm::enumerate(shape)) {
      bool reduced = llvm::is_contained(op.getDims(), int64_t(d));
      if (reduced && size == 1) continue;
      if (reduced) dims.push_back(kept.size());
      kept.push_back(size);
    }
    Value operand = ir::ReshapeOp::create(rewriter, op.getLoc(), op.getOperand(), kept);
    return rewriter.replaceOpWithNewOp<Op>(op, operand, dims), success();
  }
};

/// The reduced dims of a transpose are dims of its operand, if what remains keeps its order.
template <class Op> struct ReduceOfTranspose : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().template getDefiningOp<ir::TransposeOp>();
    if (!transpose) return failure();
    SmallVector<int64_t> dims;
    int64_t last = -1;
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation())) {
      if (llvm::is_contained(op.getDims(), int64_t(i))) {
        dims.push_back(from);
      } else {
        if (from < last) return failure();
        last = from;
      }
    }
    llvm::sort(dims);
    return rewriter.replaceOpWithNewOp<Op>(op, transpose.getOperand(), dims), success();
  }
};

/// Reducing twice with one combiner is reducing once over all the dims.
template <class Op> struct MergeReductions : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().template getDefiningOp<Op>();
    if (!inner || !inner->hasOneUse()) return failure();
    SmallVector<int64_t> dims(inner.getDims());
    int64_t at = 0;
    for (int64_t d = 0, rank = shapeOf(inner.getOperand()).size(); d < rank; ++d) {
      if (llvm::is_contained(inner.getDims(), d)) continue;
      if (llvm::is_contained(op.getDims(), at)) dims.push_back(d);
      ++at;
    }
    llvm::sort(dims);
    return rewriter.replaceOpWithNewOp<Op>(op, inner.getOperand(), dims), success();
  }
};

/// What a reduction makes of n copies of one value.
template <class Op> Value reduceCopies(Op op, Value value, int64_t n, PatternRewriter &rewriter) {
  if constexpr (!std::is_same_v<Op, ir::ReduceSumOp>) return value; // max, min, and, or
  Scalar count = scalarOf(getElementTypeOrSelf(value.getType()), double(n));
  return ir::MulOp::create(rewriter, op.getLoc(), value,
                           splatConstant(rewriter, op.getLoc(), value.getType(), count));
}

/// Reducing dims along which a broadcast repeats scales a sum by their size and leaves a maximum
/// alone.
template <class Op> struct ReduceOfBroadcast : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getOperand().template getDefiningOp<ir::BroadcastOp>();
    if (!broadcast) return failure();
    ArrayRef<int64_t> shape = broadcast.getShape();
    SmallVector<int64_t> keptShape, keptDims, keptReduced;
    int64_t copies = 1;
    for (auto [d, size] : llvm::enumerate(shape)) {
      bool reduced = llvm::is_contained(op.getDims(), int64_t(d));
      bool repeats = !llvm::is_contained(broadcast.getDims(), int64_t(d));
      if (reduced && repeats) {
        copies *= size;
        continue;
      }
      if (reduced) keptReduced.push_back(keptShape.size());
      if (!repeats) keptDims.push_back(keptShape.size());
      keptShape.push_back(size);
    }
    if (keptShape.size() == shape.size() || copies == 0) return failure();
    runtime::DType dtype = *ir::dtypeOf(op.getType()); // f16 ends at 65504
    if (runtime::isFloat(dtype) && !std::isfinite(runtime::roundTo(dtype, double(copies))))
      return failure();
    Value value =
        ir::BroadcastOp::create(rewriter, op.getLoc(), broadcast.getOperand(), keptShape, keptDims);
    if (!keptReduced.empty()) value = Op::create(rewriter, op.getLoc(), value, keptReduced);
    return rewriter.replaceOp(op, reduceCopies(op, value, copies, rewriter)), success();
  }
};

/// Maximum and minimum of equal constants are that constant; an integer sum is n times it.
template <class Op> struct ReduceOfSplat : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    std::optional<Scalar> s = splatOf(op.getOperand());
    int64_t n = 1;
    for (int64_t d : op.getDims()) n *= shapeOf(op.getOperand())[d];
    if (!s || n == 0) return failure();
    Value value = splatConstant(rewriter, op.getLoc(), op.getType(), *s);
    return rewriter.replaceOp(op, reduceCopies(op, value, n, rewriter)), success();
  }
};

template <class Op> void addShared(RewritePatternSet &patterns) {
  patterns.add<DropUnitReduction<Op>, ReduceOfTranspose<Op>, MergeReductions<Op>>(
      patterns.getContext());
}

template <class Op> void addAll(RewritePatternSet &patterns) {
  addShared<Op>(patterns);
  patterns.add<ReduceOfBroadcast<Op>, ReduceOfSplat<Op>>(patterns.getContext());
}

} // namespace

void populateReductionPatterns(RewritePatternSet &patterns) {
  addAll<ir::ReduceSumOp>(patterns);
  addAll<ir::ReduceMaxOp>(patterns);
  addAll<ir::ReduceMinOp>(patterns);
  addAll<ir::ReduceAndOp>(patterns);
  addAll<ir::ReduceOrOp>(patterns);
  addShared<ir::ReduceProdOp>(patterns);
}

} // namespace weir::passes
