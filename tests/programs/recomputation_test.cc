// How often reverse mode computes the steps of a while loop again, counted by the interpreter and
// printed: never more often than the binomial bound of its snapshots. features: A8 X1
#include "frontend/weir.h"
#include "ir/reference/interpreter.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace weir {
namespace {

/// The gradient of v after n steps of v <- sin(v).
Graph sines(int64_t snapshots) {
  Graph g;
  Tensor v = g.input("v", f64, {}), n = g.input("n", i64, {});
  Function loss([&](Tensor v) {
    return whileLoop(
        {v, n - n}, [n](const TensorList &c) { return c[1] < n; },
        [](const TensorList &c) { return TensorList{sin(c[0]), c[1] + 1}; },
        {.snapshots = snapshots})[0];
  });
  g.output("slope", grad(loss)(v));
  return g;
}

/// The least t with C(snapshots + t, snapshots) >= trips.
int64_t bound(int64_t trips, int64_t snapshots) {
  int64_t t = 0;
  for (double reach = 1; reach < double(trips); reach *= double(snapshots + t) / double(t)) ++t;
  return t;
}

TEST(ReverseThroughWhile, ComputesStepsAgainAsOftenAsItsSnapshotsMake) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  for (int64_t snapshots : {1, 4, 16}) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(sines(snapshots).toMlir(), &context);
    ASSERT_TRUE(module && succeeded(lower(*module, passes::Level::Source, passes::Level::Graph)));
    for (int64_t trips : {10, 100, 1000, 4000}) {
      if (snapshots == 1 && trips > 100) continue; // quadratic
      int64_t steps = 0;
      ir::InterpretOptions options;
      options.observe = [&](mlir::Operation *op, llvm::ArrayRef<runtime::HostTensor>) {
        steps += op->getName().getStringRef() == "weir.sin";
      };
      auto result = ir::interpret(
          *module, "main", {Array::scalar<double>(0.5), Array::scalar<int64_t>(trips)}, options);
      ASSERT_TRUE(succeeded(result));
      std::printf("%ld steps, %ld snapshots: each step computed again %.2f times, at most %ld\n",
                  long(trips), long(snapshots), double(steps) / double(trips),
                  long(bound(trips, snapshots)));
      EXPECT_GT(steps, 0);
      EXPECT_LE(steps, trips * bound(trips, snapshots));
    }
  }
}

} // namespace
} // namespace weir
