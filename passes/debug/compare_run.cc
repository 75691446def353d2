// An observer that interprets every launch.
#include "passes/debug/compare_run.h"

#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"
#include "passes/debug/compare.h"
#include "passes/debug/launches.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/executor/session.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weir::passes {

using runtime::HostTensor;
using runtime::Instruction;
using runtime::LaunchView;

namespace {

class LaunchComparer : public runtime::LaunchObserver {
public:
  LaunchComparer(RunComparison &comparison, const runtime::Executable &executable)
      : comparison(comparison), launches(launchesOf(*comparison.module, executable)) {}

  bool begin(const runtime::Bases &) override { return true; }
  bool end(const runtime::Bases &) override { return true; }

  void before(const LaunchView &view) override {
    arguments.clear();
    launch = cast<ir::LaunchOp>(launches.at(&view.instruction()));
    if (++count[launch] > 8) return;
    for (auto [i, value] : llvm::enumerate(launch.getInputs()))
      arguments.push_back(tensorAt(value.getType(), view.buffers()[i]));
  }

  bool after(const LaunchView &view) override {
    if (count[launch] > 8) return true;
    auto expected = ir::interpretWithBounds(*comparison.module, launch.getCallee(), arguments);
    if (failed(expected)) return true; // undefined values; the run's outputs are compared
    std::vector<HostTensor> got;
    for (auto [i, value] : llvm::enumerate(launch.getOutputs()))
      got.push_back(tensorAt(value.getType(), view.buffers()[launch.getInputs().size() + i]));
    ++comparison.launches;
    comparison.difference = compare(*expected, got);
    if (comparison.difference.empty()) return true;
    comparison.kernel = launch.getCallee().str();
    comparison.place = ir::userPlace(launch.getLoc());
    comparison.arguments = arguments;
    return false;
  }

private:
  RunComparison &comparison;
  llvm::DenseMap<const Instruction *, Operation *> launches;
  llvm::DenseMap<Operation *, int> count;
  ir::LaunchOp launch;
  std::vector<HostTensor> arguments;
};

/// A run needs every port by name.
void namePorts(func::FuncOp main) {
  Builder b(main.getContext());
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (!main.getArgAttr(i, ir::kNameAttr) && !main.getArgAttr(i, ir::kVariableAttr))
      main.setArgAttr(i, ir::kNameAttr, b.getStringAttr("in" + std::to_string(i)));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (!main.getResultAttr(i, ir::kNameAttr) && !main.getResultAttr(i, ir::kUpdatesAttr))
      main.setResultAttr(i, ir::kNameAttr, b.getStringAttr("out" + std::to_string(i)));
}

LogicalResult require(ModuleOp module, const absl::Status &status) {
  if (status.ok()) return success();
  return module.emitError() << std::string(status.message());
}

/// All results of @main in its order, updated variables too.
FailureOr<std::vector<HostTensor>> runOnce(runtime::Session &session, ModuleOp module,
                                           ArrayRef<HostTensor> inputs, bool &stopped) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  std::vector<HostTensor> feeds;
  std::vector<std::string> variables;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto variable = main.getArgAttrOfType<StringAttr>(i, ir::kVariableAttr);
    variables.push_back(variable ? variable.str() : "");
    if (!variable)
      feeds.push_back(input);
    else if (failed(require(module, session.setVariable(variable.strref(), input))))
      return failure();
  }
  auto fetched = session.run(feeds);
  stopped = absl::IsAborted(fetched.status());
  if (stopped) return std::vector<HostTensor>();
  if (failed(require(module, fetched.status()))) return failure();
  std::vector<HostTensor> all;
  size_t next = 0;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto updated = main.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr);
    if (!updated) {
      all.push_back((*fetched)[next++]);
      continue;
    }
    auto value = session.getVariable(variables[updated.getInt()]);
    if (failed(require(module, value.status()))) return failure();
    all.push_back(*value);
  }
  return all;
}

} // namespace

FailureOr<RunComparison>
compareRun(ModuleOp module, ArrayRef<HostTensor> inputs,
           const std::function<FailureOr<runtime::Executable>(ModuleOp)> &compile) {
  RunComparison comparison;
  OwningOpRef<ModuleOp> meaning(module.clone());
  if (failed(lower(*meaning, Level::Source, Level::Resolved))) return failure();
  auto expected = ir::interpretWithBounds(*meaning, "main", inputs);
  if (failed(expected)) return failure();
  comparison.module = OwningOpRef<ModuleOp>(module.clone());
  namePorts(comparison.module->lookupSymbol<func::FuncOp>("main"));
  auto compiled = compile(*comparison.module);
  if (failed(compiled)) return failure();
  auto executable = std::make_shared<const runtime::Executable>(std::move(*compiled));
  auto session = runtime::Session::create(executable);
  if (failed(require(module, session.status()))) return failure();
  LaunchComparer comparer(comparison, *executable);
  (*session)->setObserver(&comparer);
  bool stopped = false;
  auto got = runOnce(**session, *comparison.module, inputs, stopped);
  if (failed(got)) return failure();
  if (!stopped) comparison.difference = compare(*expected, *got);
  return comparison;
}

} // namespace weir::passes
