// Every pass of the pipeline against the interpreter, on random graphs and on their derivatives.
// features: G7
#include "passes/debug/reduce.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/seeds.h"
#include "tests/harness/backend.h"
#include "tests/harness/derivative.h"
#include "tests/harness/validate.h"

#include "passes/pipelines/pipelines.h"

#include <gtest/gtest.h>
#include <iostream>

namespace weir::testing {

static std::string validate(mlir::ModuleOp module, llvm::ArrayRef<runtime::HostTensor> inputs,
                            ValidationStats &stats) {
  mlir::PassManager pm(module.getContext());
  passes::addPipeline(pm, passes::Level::Source, passes::Level::Kernels);
  return validatePasses(pm, module, inputs, stats);
}

TEST(PassesOnRandomGraphs, KeepTheMeaning) {
  ValidationStats stats;
  std::map<std::string, int> ops;
  for (int seed : seeds()) {
    TestContext context;
    // f32 and f64 mixed; f64 alone, where the bounds are tightest; and the reverse-mode derivative
    // of that.
    auto module = randomModule(context.get(), seed, {.onlyF64 = seed % 3 != 0});
    countOps(*module, ops);
    auto inputs = randomInputsOf(*module, seed);
    if (seed % 3 == 2) inputs = requestDerivative(*module, inputs, seed);
    mlir::OwningOpRef<mlir::ModuleOp> lowered = module->clone();
    std::string failure = validate(*lowered, inputs, stats);
    if (failure.empty()) continue;
    ADD_FAILURE() << "seed " << seed << " " << failure << "\n"
                  << context.takeMessages()
                  << passes::reducedText(*module, [&](mlir::ModuleOp smaller) {
                       ValidationStats unused;
                       return !validate(smaller, inputs, unused).empty();
                     });
  }
  for (auto [op, count] : ops) std::cout << op << " " << count << "\n";
  for (auto [pass, count] : stats.passes) std::cout << pass << " checked " << count << " times\n";
  std::cout << stats.coverage.bounded << " of " << stats.coverage.elements
            << " elements have a bound\n";
  EXPECT_GT(stats.coverage.bounded, stats.coverage.elements * 0.8);
}

} // namespace weir::testing
