// The order of all passes, dumping, and the way to an executable.
#include "passes/pipelines/pipelines.h"

#include "autodiff/transforms/passes.h"
#include "codegen/artifact/artifact.h"
#include "codegen/cpu/compile/compile.h"
#include "codegen/cuda/target.h"
#include "distributed/partition/partition.h"
#include "ir/collective/spmd.h"
#include "ir/dataflow/flow.h"
#include "ir/dialect/weir.h"
#include "ir/extensions/extensions.h"
#include "passes/control_flow/control_flow.h"
#include "passes/fuse/fuse.h"
#include "passes/memory/memory.h"
#include "passes/pipelines/dump.h"
#include "passes/placement/placement.h"
#include "passes/precision/precision.h"
#include "passes/simplify/simplify.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <atomic>

using namespace mlir;

namespace weir::passes {

void registerDialects(DialectRegistry &registry) {
  registry
      .insert<ir::WeirDialect, ir::flow::FlowDialect, ir::spmd::SpmdDialect, func::FuncDialect>();
  autodiff::registerDerivativeRules(registry);
  codegen::registerKernelDialects(registry);
  ir::addExtensions(registry);
}

void registerAllPasses() {
  autodiff::registerAutodiffPasses();
  registerSimplifyPasses();
  registerControlFlowPasses();
  distributed::registerDistributedPasses();
  registerFusePasses();
  registerMemoryPasses();
  registerPlacementPasses();
  registerPrecisionPasses();
  PassPipelineRegistration<>(
      "weir-to-graph", "source to graph level: differentiate, inline, simplify",
      [](OpPassManager &pm) { addPipeline(pm, Level::Source, Level::Graph); });
  PassPipelineRegistration<>(
      "weir-to-kernels", "source to kernels level: also fuse and plan memory",
      [](OpPassManager &pm) { addPipeline(pm, Level::Source, Level::Kernels); });
  PassPipelineRegistration<>("weir-to-dataflow", "source to graphs of dataflow primitives",
                             addDataflowPipeline);
}

namespace {

/// Closes a level. Between passes nothing is verified: that would cost as much as the passes.
struct VerifyLevel : PassWrapper<VerifyLevel, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyLevel)
  void runOnOperation() override {
    if (failed(verify(getOperation()))) return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

void addPipeline(OpPassManager &pm, Level from, Level to, int64_t memoryBudget, bool forGpu) {
  auto crosses = [&](Level level) { return from < level && level <= to; };
  if (crosses(Level::Resolved)) {
    pm.addPass(createLowerPrecisionPass());
    pm.addPass(autodiff::createResolveAutodiffPass());
  }
  if (to == Level::Resolved) pm.addPass(std::make_unique<VerifyLevel>());
  if (crosses(Level::Graph)) {
    pm.addPass(createInlineCallsPass());
    pm.addPass(createExpandSweepsPass());
    pm.addPass(createPlaceOpsPass());
    pm.addPass(createSimplifyPass());
    pm.addPass(std::make_unique<VerifyLevel>());
  }
  if (crosses(Level::Sharded)) pm.addPass(distributed::createShardPass());
  if (to == Level::Sharded) pm.addPass(std::make_unique<VerifyLevel>());
  if (crosses(Level::Kernels)) {
    if (forGpu) pm.addPass(createLibraryConvolutionsPass());
    pm.addPass(createWidenSumsPass());
    pm.addPass(createExpandConvolutionsPass());
    if (forGpu) pm.addPass(createLibraryDotsPass());
    pm.addPass(createPackDotsPass());
    pm.addPass(createNormalizeReductionsPass());
    pm.addPass(createTidyViewsPass());
    pm.addPass(createFormKernelsPass());
    pm.addPass(createDeduplicateKernelsPass());
    pm.addPass(createPlaceOpsPass(/*isFinal=*/true));
    if (memoryBudget) pm.addPass(createRematerializePass(memoryBudget));
    pm.addPass(createPlanMemoryPass());
    pm.addPass(std::make_unique<VerifyLevel>());
  }
}

void addDataflowPipeline(OpPassManager &pm) {
  addPipeline(pm, Level::Source, Level::Resolved);
  pm.addPass(createInlineCallsPass());
  pm.addPass(createExpandSweepsPass());
  pm.addPass(createExpandScansPass());
  pm.addPass(createLowerToDataflowPass());
  pm.addPass(std::make_unique<VerifyLevel>());
}

LogicalResult lower(ModuleOp module, Level from, Level to, const PipelineOptions &options) {
  PassManager pm(module.getContext());
  addPipeline(pm, from, to, options.memoryBudget, /*forGpu=*/!options.gpuForms.empty());
  pm.enableVerifier(!options.dumpTo.empty());
  if (options.timing) pm.enableTiming();
  if (!options.dumpTo.empty() && failed(dumpAfterEachPass(pm, module, options.dumpTo)))
    return failure();
  return pm.run(module);
}

namespace {

std::atomic<int64_t> compiled = 0;

std::optional<codegen::TargetInfo> targetOf(ModuleOp module, const PipelineOptions &options) {
  auto target =
      options.gpuForms.empty() ? codegen::targetForLevel(options.cpu) : codegen::cuda::warpTarget();
  if (!target)
    module.emitError() << "no CPU level " << options.cpu
                       << "; there are host, x86-64-v3, x86-64-v4";
  return target;
}

} // namespace

FailureOr<runtime::Executable> compileModule(ModuleOp module, const PipelineOptions &options) {
  auto target = targetOf(module, options);
  if (!target || failed(lower(module, options.from, Level::Kernels, options))) return failure();
  if (options.onMemoryPlanned) {
    auto main = module.lookupSymbol<func::FuncOp>("main");
    auto bytes = main ? main->getAttrOfType<IntegerAttr>(ir::kArenaBytesAttr) : IntegerAttr();
    if (bytes) options.onMemoryPlanned(bytes.getInt());
  }
  ++compiled;
  return codegen::buildExecutable(
      module, {.target = *target, .gpuForms = options.gpuForms, .threads = options.threads});
}

int64_t executablesCompiled() {
  return compiled;
}

} // namespace weir::passes
