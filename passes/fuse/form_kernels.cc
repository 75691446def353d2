// weir-form-kernels: clusters every block, inner blocks first, and outlines the clusters; in a loop
// that is small enough for one thread they become steps of one kernel.
#include "passes/fuse/clustering.h"
#include "passes/fuse/fuse.h"
#include "passes/fuse/outline_kernels.h"
#include "passes/fuse/prepare_fusion.h"
#include "passes/fuse/small_loops.h"

using namespace mlir;

namespace weir::passes {
namespace {

void formKernels(Region &region, Outliner &outliner, bool asSteps = false) {
  for (Block &block : region) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      bool becomesKernel = !asSteps && isSmallLoop(&op);
      if (becomesKernel) {
        moveConstantsOut(&op);
        outliner.addLoopKernel(&op);
      }
      for (Region &inner : op.getRegions()) formKernels(inner, outliner, asSteps || becomesKernel);
    }
    Clustering clustering(block);
    clustering.grow();
    clustering.merge();
    outliner.outline(clustering, asSteps);
  }
}

struct FormKernels : PassWrapper<FormKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormKernels)
  FormKernels() = default;
  FormKernels(const FormKernels &other) : PassWrapper(other) {} // statistics are not copied

  Statistic ops{this, "ops", "ops that kernels were formed of"};
  Statistic kernels{this, "kernels", "kernels formed"};

  StringRef getArgument() const final { return "weir-form-kernels"; }
  StringRef getDescription() const final { return "group ops into kernels and outline them"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<ir::WeirDialect, func::FuncDialect>();
  }

  void runOnOperation() override {
    Outliner outliner(getOperation());
    for (auto func : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (func.isExternal() || func->hasAttr(ir::kKernelAttr)) continue;
      func.walk([&](Operation *op) { ops += isa<ir::WeirOp>(op); });
      prepareFusion(func);
      formKernels(func.getBody(), outliner);
      func.walk([&](ir::LaunchOp) { ++kernels; });
    }
  }
};

} // namespace

std::unique_ptr<Pass> createFormKernelsPass() {
  return std::make_unique<FormKernels>();
}

void registerFusePasses() {
  registerPass(createLibraryConvolutionsPass);
  registerPass(createWidenSumsPass);
  registerPass(createExpandConvolutionsPass);
  registerPass(createLibraryDotsPass);
  registerPass(createPackDotsPass);
  registerPass(createNormalizeReductionsPass);
  registerPass(createFormKernelsPass);
  registerPass(createDeduplicateKernelsPass);
}

} // namespace weir::passes
