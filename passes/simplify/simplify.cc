// weir-simplify: patterns, common subexpressions, dead code and loop clean-up, round after round
// until nothing changes. The first round looks at every op, the next ones only where ops were
// shared since, unless loops changed.
#include "passes/simplify/simplify.h"

#include "ir/dialect/weir.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int kMaxRounds = 8;

GreedyRewriteConfig configFor(ModuleOp module) {
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled)
      .setUseTopDownTraversal(true)
      .setScope(&module.getBodyRegion());
  return config;
}

/// Collects the ops whose operands change.
struct ChangedOps : RewriterBase::Listener {
  void notifyOperationModified(Operation *op) override { ops.insert(op); }
  void notifyOperationErased(Operation *op) override { ops.remove(op); }

  /// Them, and those that see them from as far as a pattern looks.
  SmallVector<Operation *> withReaders() {
    constexpr int reach = 3;
    for (size_t i = 0, level = 0; level < reach; ++level)
      for (size_t end = ops.size(); i < end; ++i)
        for (Operation *reader : SmallVector<Operation *>(ops[i]->getUsers())) ops.insert(reader);
    return ops.takeVector();
  }

  llvm::SetVector<Operation *> ops;
};

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
    populateBarrierPatterns(set);
    populatePermutationPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    GreedyRewriteConfig config = configFor(getOperation());
    ChangedOps shared;
    IRRewriter rewriter(&getContext(), &shared);
    getOperation().walk([&](Operation *) { ++before; });
    bool isEverywhere = true;
    for (int round = 0; round < kMaxRounds; ++round) {
      bool changed = false;
      LogicalResult ends =
          isEverywhere ? applyPatternsGreedily(getOperation(), patterns, config, &changed)
                       : applyOpPatternsGreedily(shared.withReaders(), patterns, config, &changed);
      if (failed(ends)) {
        getOperation().emitError("internal error: simplification does not end");
        return signalPassFailure();
      }
      if (!changed && !isEverywhere) break;
      shared.ops.clear(); // patterns may have erased some
      DominanceInfo dominance(getOperation());
      eliminateCommonSubExpressions(rewriter, dominance, getOperation());
      isEverywhere = cleanLoops(getOperation());
      if (shared.ops.empty() && !isEverywhere) break;
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
    SmallVector<Operation *> views;
    getOperation().walk([&](Operation *op) {
      if (isa<ir::ReshapeOp, ir::TransposeOp, ir::ReverseOp, ir::BroadcastOp>(op))
        views.push_back(op);
    });
    (void)applyOpPatternsGreedily(views, std::move(patterns), configFor(getOperation()));
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
