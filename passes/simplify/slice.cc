// Slices, pads and concatenations that undo each other, and dynamic slices whose starts are known.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/simplify/scalar.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

ArrayRef<int64_t> shapeOf(Value v) {
  return cast<RankedTensorType>(v.getType()).getShape();
}
bool isZero(ArrayRef<int64_t> v) {
  return llvm::all_of(v, [](int64_t x) { return x == 0; });
}

/// A slice of everything, and a slice of a slice.
struct SimplifySlice : OpRewritePattern<ir::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SliceOp op, PatternRewriter &rewriter) const override {
    if (op.getType() == op.getOperand().getType())
      return rewriter.replaceOp(op, op.getOperand()), success();
    auto inner = op.getOperand().getDefiningOp<ir::SliceOp>();
    if (!inner) return failure();
    SmallVector<int64_t> starts, limits, strides;
    for (size_t d = 0; d < op.getStarts().size(); ++d) {
      int64_t stride = inner.getStrides()[d], start = inner.getStarts()[d];
      int64_t size = shapeOf(op.getResult())[d];
      starts.push_back(start + op.getStarts()[d] * stride);
      strides.push_back(op.getStrides()[d] * stride);
      limits.push_back(size == 0 ? starts.back() : starts.back() + (size - 1) * strides.back() + 1);
    }
    rewriter.replaceOpWithNewOp<ir::SliceOp>(op, inner.getOperand(), starts, limits, strides);
    return success();
  }
};

/// A slice that lies inside the padded operand.
struct SliceOfPad : OpRewritePattern<ir::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SliceOp op, PatternRewriter &rewriter) const override {
    auto pad = op.getOperand().getDefiningOp<ir::PadOp>();
    if (!pad || !isZero(pad.getInterior())) return failure();
    SmallVector<int64_t> starts, limits;
    for (auto [d, size] : llvm::enumerate(shapeOf(pad.getOperand()))) {
      starts.push_back(op.getStarts()[d] - pad.getLow()[d]);
      limits.push_back(op.getLimits()[d] - pad.getLow()[d]);
      if (starts.back() < 0 || limits.back() > size) return failure();
    }
    rewriter.replaceOpWithNewOp<ir::SliceOp>(op, pad.getOperand(), starts, limits, op.getStrides());
    return success();
  }
};

/// A slice that lies inside one piece of a concatenation.
struct SliceOfConcatenate : OpRewritePattern<ir::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SliceOp op, PatternRewriter &rewriter) const override {
    auto concatenate = op.getOperand().getDefiningOp<ir::ConcatenateOp>();
    if (!concatenate) return failure();
    int64_t dim = concatenate.getDim(), start = op.getStarts()[dim], limit = op.getLimits()[dim],
            at = 0;
    for (Value piece : concatenate.getInputs()) {
      int64_t size = shapeOf(piece)[dim];
      if (start >= at && limit <= at + size) {
        SmallVector<int64_t> starts(op.getStarts()), limits(op.getLimits());
        starts[dim] -= at;
        limits[dim] -= at;
        rewriter.replaceOpWithNewOp<ir::SliceOp>(op, piece, starts, limits, op.getStrides());
        return success();
      }
      at += size;
    }
    return failure();
  }
};

/// A slice of a broadcast repeats a slice of the operand.
struct SliceOfBroadcast : OpRewritePattern<ir::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SliceOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getOperand().getDefiningOp<ir::BroadcastOp>();
    if (!broadcast) return failure();
    SmallVector<int64_t> starts, limits, strides;
    for (int64_t d : broadcast.getDims()) {
      starts.push_back(op.getStarts()[d]);
      limits.push_back(op.getLimits()[d]);
      strides.push_back(op.getStrides()[d]);
    }
    Value operand =
        ir::SliceOp::create(rewriter, op.getLoc(), broadcast.getOperand(), starts, limits, strides);
    rewriter.replaceOpWithNewOp<ir::BroadcastOp>(op, operand, shapeOf(op.getResult()),
                                                 broadcast.getDims());
    return success();
  }
};

struct SimplifyPad : OpRewritePattern<ir::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::PadOp op, PatternRewriter &rewriter) const override {
    if (op.getType() != op.getOperand().getType()) return failure();
    return rewriter.replaceOp(op, op.getOperand()), success();
  }
};

/// One piece, or pieces of no elements.
struct SimplifyConcatenate : OpRewritePattern<ir::ConcatenateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::ConcatenateOp op, PatternRewriter &rewriter) const override {
    if (op.getInputs().size() == 1) return rewriter.replaceOp(op, op.getInputs()[0]), success();
    SmallVector<Value> pieces;
    for (Value piece : op.getInputs())
      if (shapeOf(piece)[op.getDim()] != 0) pieces.push_back(piece);
    if (pieces.empty() || pieces.size() == op.getInputs().size()) return failure();
    return rewriter.replaceOpWithNewOp<ir::ConcatenateOp>(op, pieces, op.getDim()), success();
  }
};

struct StaticDynamicSlice : OpRewritePattern<ir::DynamicSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::DynamicSliceOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape = shapeOf(op.getOperand());
    SmallVector<int64_t> starts, limits, strides(shape.size(), 1);
    for (auto [d, start] : llvm::enumerate(op.getStarts())) {
      std::optional<Scalar> s = splatOf(start);
      if (!s) return failure();
      starts.push_back(std::clamp<int64_t>(s->i, 0, shape[d] - op.getSizes()[d]));
      limits.push_back(starts.back() + op.getSizes()[d]);
    }
    rewriter.replaceOpWithNewOp<ir::SliceOp>(op, op.getOperand(), starts, limits, strides);
    return success();
  }
};

} // namespace

void populateSlicePatterns(RewritePatternSet &patterns) {
  patterns.add<SimplifySlice, SliceOfPad, SliceOfConcatenate, SliceOfBroadcast, SimplifyPad,
               SimplifyConcatenate, StaticDynamicSlice>(patterns.getContext());
}

} // namespace weir::passes
