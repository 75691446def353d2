// weir-simplify: patterns, common subexpressions, dead code and loop clean-up, round after round
// until nothing changes. Rounds are few (two for a training step), each linear in the graph.
#include "passes/simplify/simplify.h"

#include "ir/dialect/weir.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int kMaxRounds = 8;

struct Simplify : PassWrapper<Simplify, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Simplify)
  StringRef getArgument() const final { return "weir-simplify"; }
  StringRef getDescription() const final { return "fold, share and remove what is not needed"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<ir::WeirDialect>();
  }

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateFoldConstantPatterns(set);
    populateAlgebraPatterns(set);
    populateBroadcastPatterns(set);
    populateReshapePatterns(set);
    populateSlicePatterns(set);
    populateReductionPatterns(set);
    populateContractionPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled)
        .setUseTopDownTraversal(true);
    IRRewriter rewriter(&getContext());
    for (int round = 0; round < kMaxRounds; ++round) {
      if (failed(applyPatternsGreedily(getOperation(), patterns, config))) {
        getOperation().emitError("internal error: simplification does not end");
        return signalPassFailure();
      }
      DominanceInfo dominance(getOperation());
      bool shared = false;
      eliminateCommonSubExpressions(rewriter, dominance, getOperation(), &shared);
      bool cleaned = cleanLoops(getOperation());
      if (!shared && !cleaned) break;
    }
  }

  FrozenRewritePatternSet patterns;
};

} // namespace

std::unique_ptr<Pass> createSimplifyPass() {
  return std::make_unique<Simplify>();
}

void registerSimplifyPasses() {
  registerPass(createInlineCallsPass);
  registerPass(createSimplifyPass);
  registerPass(createCleanLoopsPass);
}

} // namespace weir::passes
