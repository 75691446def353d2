// Barriers let through only what is read behind them; what else goes in would be computed for
// nobody.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

struct NarrowBarrier : OpRewritePattern<ir::BarrierOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::BarrierOp op, PatternRewriter &rewriter) const override {
    SmallVector<Value> inputs, results(op.getInputs());
    for (auto [input, output] : llvm::zip(op.getInputs(), op.getOutputs()))
      if (!output.use_empty()) inputs.push_back(input);
    if (inputs.size() == results.size()) return failure();
    auto narrow = ir::BarrierOp::create(rewriter, op.getLoc(), inputs);
    narrow->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    unsigned next = 0;
    for (auto [result, output] : llvm::zip(results, op.getOutputs()))
      if (!output.use_empty()) result = narrow->getResult(next++);
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void populateBarrierPatterns(RewritePatternSet &patterns) {
  patterns.add<NarrowBarrier>(patterns.getContext());
}

} // namespace weir::passes
