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
  Simplify() = default;
  Simplify(const Simplify &other)
      : PassWrapper(other), patterns(other.patterns) {} // statistics are not copied

  Statistic before{this, "ops-before", "ops before simplification"};
  Statistic after{this, "ops-after", "ops after simplification"};

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
    getOperation().walk([&](Operation *) { ++before; });
    bool cleaned = true;
    for (int round = 0; round < kMaxRounds; ++round) {
      bool changed = false, shared = false;
      if (failed(applyPatternsGreedily(getOperation(), patterns, config, &changed))) {
        getOperation().emitError("internal error: simplification does not end");
        return signalPassFailure();
      }
      if (!changed && !cleaned) break;
      DominanceInfo dominance(getOperation());
      eliminateCommonSubExpressions(rewriter, dominance, getOperation(), &shared);
      cleaned = cleanLoops(getOperation());
      if (!shared && !cleaned) break;
    }
    getOperation().walk([&](Operation *) { ++after; });
  }

  FrozenRewritePatternSet patterns;
};

/// What may follow passes that bring ops into the form of kernels: no dot and no reduction absorbs
/// anything.
struct TidyViews : PassWrapper<TidyViews, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TidyViews)
  StringRef getArgument() const final { return "weir-tidy-views"; }
  StringRef getDescription() const final {
    return "merge reshapes, transposes and broadcasts; share equal ops";
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateReshapePatterns(patterns);
    populateBroadcastPatterns(patterns);
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    (void)applyPatternsGreedily(getOperation(), std::move(patterns), config);
    DominanceInfo dominance(getOperation());
    IRRewriter rewriter(&getContext());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
  }
};

} // namespace

std::unique_ptr<Pass> createTidyViewsPass() {
  return std::make_unique<TidyViews>();
}

std::unique_ptr<Pass> createSimplifyPass() {
  return std::make_unique<Simplify>();
}

void registerSimplifyPasses() {
  registerPass(createInlineCallsPass);
  registerPass(createSimplifyPass);
  registerPass(createCleanLoopsPass);
  registerPass(createTidyViewsPass);
}

} // namespace weir::passes
