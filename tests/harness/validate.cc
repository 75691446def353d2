// An instrumentation that interprets after every pass on the module.
#include "tests/harness/validate.h"

#include "passes/debug/compare.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"

namespace weir::testing {

using runtime::HostTensor;

namespace {

class Validator : public mlir::PassInstrumentation {
public:
  Validator(llvm::ArrayRef<HostTensor> inputs, ValidationStats &stats, std::string &failure)
      : inputs(inputs), stats(stats), failure(failure) {}

  /// Takes the module's meaning as what must not change.
  void expect(mlir::ModuleOp module, llvm::StringRef when) {
    auto results = ir::interpretWithBounds(module, "main", inputs);
    if (failed(results))
      failure = "cannot be interpreted " + when.str();
    else
      expected = std::move(*results);
  }

  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override {
    auto module = mlir::dyn_cast<mlir::ModuleOp>(op);
    if (!module || !failure.empty()) return;
    std::string name =
        pass->getArgument().empty() ? pass->getName().str() : pass->getArgument().str();
    ++stats.passes[name];
    if (expected.empty() && passes::isUnsettled(module)) return;
    if (expected.empty()) return expect(module, "after " + name);
    auto got = ir::interpret(module, "main", inputs, {.widen = true});
    std::string wrong =
        failed(got) ? "cannot be interpreted" : compare(expected, *got, &stats.coverage);
    if (!wrong.empty()) failure = "after " + name + ": " + wrong;
  }
  void runAfterPassFailed(mlir::Pass *pass, mlir::Operation *) override {
    if (failure.empty()) failure = pass->getName().str() + " failed";
  }

private:
  llvm::ArrayRef<HostTensor> inputs;
  ValidationStats &stats;
  std::string &failure;
  std::vector<ir::BoundedResult> expected;
};

} // namespace

std::string validatePasses(mlir::PassManager &pm, mlir::ModuleOp module,
                           llvm::ArrayRef<HostTensor> inputs, ValidationStats &stats) {
  std::string failure;
  auto validator = std::make_unique<Validator>(inputs, stats, failure);
  if (!passes::isUnsettled(module)) validator->expect(module, "before any pass");
  pm.addInstrumentation(std::move(validator));
  if (failed(pm.run(module)) && failure.empty()) failure = "the pipeline failed";
  return failure;
}

} // namespace weir::testing
