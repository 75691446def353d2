// Scatters into nothing by known indices that name every place once are gathers by the inverse: so
// the derivative of a roll is a roll.
#include "ir/dialect/permutation.h"
#include "ir/dialect/weir.h"
#include "passes/simplify/simplify.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace weir::passes {
namespace {

/// scatter_add(0, permutation, x) = gather(x, inverse).
struct ScatterOfPermutation : OpRewritePattern<ir::ScatterAddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::ScatterAddOp op, PatternRewriter &rewriter) const override {
    const int64_t dim = op.getDim();
    auto type = cast<RankedTensorType>(op.getOperand().getType());
    auto places = op.getBatchDims() == 0
                      ? ir::constantPermutation(op.getIndices(), type.getDimSize(dim))
                      : std::nullopt;
    if (!places || !matchPattern(op.getOperand(), m_AnyZeroFloat())) return failure();
    SmallVector<APInt> inverse(places->size());
    auto indices = cast<RankedTensorType>(op.getIndices().getType());
    const unsigned width = indices.getElementTypeBitWidth();
    for (auto [at, place] : llvm::enumerate(*places)) inverse[place] = APInt(width, at);
    Value back =
        ir::ConstantOp::create(rewriter, op.getLoc(), DenseElementsAttr::get(indices, inverse));
    rewriter.replaceOpWithNewOp<ir::GatherOp>(op, op.getUpdates(), back, dim, 0);
    return success();
  }
};

} // namespace

void populatePermutationPatterns(RewritePatternSet &patterns) {
  patterns.add<ScatterOfPermutation>(patterns.getContext());
}

} // namespace weir::passes
