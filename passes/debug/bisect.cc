// First the passes, then the launches.
#include "passes/debug/bisect.h"

#include "ir/dialect/steps.h"
#include "ir/dialect/weir.h"
#include "passes/debug/compare.h"
#include "passes/debug/compare_run.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace weir::passes {

using runtime::HostTensor;
using Kind = BisectResult::Kind;

namespace {

/// Compares after every pass, and keeps the module that the first wrong one was given.
class Comparison : public PassInstrumentation {
public:
  struct State {
    std::vector<ir::BoundedResult> expected;
    OwningOpRef<ModuleOp> before;
    std::string pass, difference, reference;
    int compared = 0;
    bool failed = false; // the reference cannot be interpreted
  };

  Comparison(ArrayRef<HostTensor> inputs, State &state) : inputs(inputs), state(state) {}

  void expect(ModuleOp module) {
    auto results = ir::interpretWithBounds(module, "main", inputs);
    if (failed(results))
      state.failed = true;
    else
      state.expected = std::move(*results);
  }
  void runBeforePass(Pass *pass, Operation *op) override {
    if (isWatched(pass, op) && state.difference.empty()) state.before = cast<ModuleOp>(op).clone();
  }
  void runAfterPass(Pass *pass, Operation *op) override {
    if (!isWatched(pass, op) || !state.difference.empty() || state.failed) return;
    auto module = cast<ModuleOp>(op);
    const std::string name = pass->getArgument().str();
    if (state.expected.empty()) {
      if (isUnsettled(module)) return;
      state.reference = name;
      return expect(module);
    }
    ++state.compared;
    auto got = ir::interpret(module, "main", inputs, {.widen = true});
    state.difference =
        failed(got) ? "it can no longer be interpreted" : compare(state.expected, *got);
    if (!state.difference.empty()) state.pass = name;
  }

private:
  static bool isWatched(Pass *pass, Operation *op) {
    return isa<ModuleOp>(op) && !pass->getArgument().empty();
  }
  ArrayRef<HostTensor> inputs;
  State &state;
};

/// Whether one pass changes what the module means; it may change the module.
bool breaks(StringRef pass, ModuleOp module, ArrayRef<HostTensor> inputs) {
  auto expected = ir::interpretWithBounds(module, "main", inputs);
  if (failed(expected)) return false;
  PassManager pm(module.getContext());
  if (failed(parsePassPipeline(pass, pm)) || failed(pm.run(module))) return false;
  auto got = ir::interpret(module, "main", inputs, {.widen = true});
  return failed(got) || !compare(*expected, *got).empty();
}

int64_t countOps(ModuleOp module) {
  int64_t count = 0;
  module.walk([&](Operation *op) {
    count += isa<ir::WeirDialect>(op->getDialect()) && !op->hasTrait<OpTrait::IsTerminator>();
  });
  return count;
}

/// A module whose @main is the kernel.
OwningOpRef<ModuleOp> kernelAsMain(func::FuncOp kernel) {
  OwningOpRef<ModuleOp> module(ModuleOp::create(kernel.getLoc()));
  auto main = cast<func::FuncOp>(kernel->clone());
  module->push_back(main);
  main.setName("main");
  main.setPublic();
  Builder b(main.getContext());
  for (StringRef attr : {ir::kKernelAttr, ir::kInplaceAttr}) main->removeAttr(attr);
  main.walk([](Operation *op) { op->removeAttr(ir::kStepAttr); });
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    main.setArgAttr(i, ir::kNameAttr, b.getStringAttr("in" + std::to_string(i)));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    main.setResultAttr(i, ir::kNameAttr, b.getStringAttr("out" + std::to_string(i)));
  return module;
}

class Bisection {
public:
  Bisection(ModuleOp source, ArrayRef<HostTensor> inputs, const BisectOptions &options)
      : source(source), inputs(inputs), options(options) {}

  FailureOr<BisectResult> run() {
    if (failed(comparePasses())) return failure();
    if (result.kind == Kind::Agree && options.run && failed(compareLaunches())) return failure();
    if (result.reproducer.module) result.ops = countOps(*result.reproducer.module);
    return std::move(result);
  }

private:
  LogicalResult comparePasses();
  LogicalResult compareLaunches();
  FailureOr<RunComparison> compareCompiled(ModuleOp module, ArrayRef<HostTensor> values) {
    auto compile =
        options.compile ? options.compile : [](ModuleOp copy) { return compileModule(copy); };
    return compareRun(module, values, compile);
  }

  ModuleOp source;
  ArrayRef<HostTensor> inputs;
  const BisectOptions &options;
  BisectResult result;
};

LogicalResult Bisection::comparePasses() {
  OwningOpRef<ModuleOp> module(source.clone());
  PassManager pm(source.getContext());
  if (!options.pipeline)
    addPipeline(pm, Level::Source, Level::Kernels);
  else if (failed(options.pipeline(pm)))
    return failure();
  Comparison::State state;
  auto comparison = std::make_unique<Comparison>(inputs, state);
  if (!isUnsettled(source)) comparison->expect(source);
  pm.addInstrumentation(std::move(comparison));
  if (state.failed) return failure();
  if (failed(pm.run(*module)) && state.difference.empty()) return failure();
  if (state.failed) return failure();
  result.passesCompared = state.compared;
  result.reference = state.reference;
  if (state.difference.empty()) return success();
  result.kind = Kind::Pass;
  result.where = state.pass;
  result.difference = state.difference;
  const std::string pass = state.pass;
  auto fails = [pass](ModuleOp smaller, ArrayRef<HostTensor> values) {
    return breaks(pass, smaller, values);
  };
  OwningOpRef<ModuleOp> copy(state.before->clone());
  // A pass that goes wrong only together with others stays as it was found.
  result.reproducer = fails(*copy, inputs) ? reduced(*state.before, inputs, fails)
                                           : Case{std::move(state.before), inputs.vec()};
  return success();
}

LogicalResult Bisection::compareLaunches() {
  auto compared = compareCompiled(source, inputs);
  if (failed(compared)) return failure();
  result.launchesCompared = compared->launches;
  result.difference = compared->difference;
  if (compared->difference.empty()) return success();
  if (compared->kernel.empty()) {
    result.kind = Kind::Outputs;
    result.reproducer = {OwningOpRef<ModuleOp>(source.clone()), inputs.vec()};
    return success();
  }
  result.kind = Kind::Launch;
  result.where = compared->kernel;
  result.place = compared->place;
  auto kernel = compared->module->lookupSymbol<func::FuncOp>(compared->kernel);
  OwningOpRef<ModuleOp> alone = kernelAsMain(kernel);
  auto fails = [&](ModuleOp smaller, ArrayRef<HostTensor> values) {
    auto again = compareCompiled(smaller, values);
    return succeeded(again) && !again->difference.empty();
  };
  OwningOpRef<ModuleOp> copy(alone->clone());
  result.reproducer = fails(*copy, compared->arguments)
                          ? reduced(*alone, compared->arguments, fails)
                          : Case{std::move(alone), std::move(compared->arguments)};
  return success();
}

} // namespace

FailureOr<BisectResult> bisect(ModuleOp source, ArrayRef<HostTensor> inputs,
                               const BisectOptions &options) {
  return Bisection(source, inputs, options).run();
}

} // namespace weir::passes
