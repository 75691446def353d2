// The list of backends, and comparing what they give.
#include "tests/harness/backend.h"

#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/executor/session.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>

namespace weir::testing {

using runtime::HostTensor;

static mlir::LogicalResult fail(mlir::ModuleOp module, const absl::Status &status) {
  return module.emitError() << std::string(status.message());
}

/// Names the arguments and results, so that they are feeds and fetches: the graphs of the tests
/// have no variables.
static void namePorts(mlir::ModuleOp module) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  mlir::Builder b(module.getContext());
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    main.setArgAttr(i, ir::kNameAttr, b.getStringAttr("x" + std::to_string(i)));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    main.setResultAttr(i, ir::kNameAttr, b.getStringAttr("y" + std::to_string(i)));
}

/// Compiles once; runs on one thread, again (memory is then as the first run left it) and on two
/// threads, which must not change a bit.
static mlir::FailureOr<std::vector<HostTensor>> runOnCpu(mlir::ModuleOp module,
                                                         llvm::ArrayRef<HostTensor> inputs) {
  namePorts(module);
  auto compiled = passes::compileModule(module);
  if (failed(compiled)) return mlir::failure();
  auto executable = std::make_shared<const runtime::Executable>(std::move(*compiled));
  static const auto one = std::make_shared<runtime::ThreadPool>(1),
                    two = std::make_shared<runtime::ThreadPool>(2);
  auto alone = runtime::Session::create(executable, {.pool = one});
  auto together = runtime::Session::create(executable, {.pool = two});
  for (const auto *session : {&alone, &together})
    if (!session->ok()) return fail(module, session->status());
  auto first = (*alone)->run(inputs.vec()), again = (*alone)->run(inputs.vec());
  auto threaded = (*together)->run(inputs.vec());
  for (const auto *results : {&first, &again, &threaded})
    if (!results->ok()) return fail(module, results->status());
  if (*first != *again) return module.emitError("a second run gives other bits than the first");
  if (*first != *threaded) return module.emitError("two threads give other bits than one");
  return *first;
}

const std::vector<Backend> &backends() {
  static const std::vector<Backend> all = {
      {"interpreter",
       [](mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs) {
         return ir::interpret(module, "main", inputs);
       }},
      {"cpu", runOnCpu},
  };
  return all;
}

std::string compareClose(llvm::ArrayRef<HostTensor> expected, llvm::ArrayRef<HostTensor> got,
                         double relative) {
  std::vector<ir::BoundedResult> bounded;
  for (const HostTensor &tensor : expected) {
    std::vector<double> bounds = tensor.toDoubles();
    for (double &b : bounds) b = std::isfinite(b) ? relative * (1 + std::abs(b)) : 0;
    bounded.push_back({tensor, HostTensor::from<double>(tensor.dims(), bounds)});
  }
  return compare(bounded, got);
}

} // namespace weir::testing
