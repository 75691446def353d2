// Random graphs and their derivatives on every backend against the interpreter in f64: within the
// numeric contract, and the same bits again and on two threads.  features: F3 G7
#include "passes/debug/reduce.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/seeds.h"
#include "tests/harness/backend.h"
#include "tests/harness/derivative.h"

#include <gtest/gtest.h>
#include <iostream>

namespace weir::testing {

/// An empty string, or what is wrong.
static std::string runAndCompare(TestContext &context, const Backend &backend,
                                 mlir::ModuleOp module, llvm::ArrayRef<runtime::HostTensor> inputs,
                                 Coverage &coverage) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  if (failed(resolveAutodiff(*copy))) return context.takeMessages();
  auto expected = ir::interpretWithBounds(*copy, "main", inputs);
  if (failed(expected)) return context.takeMessages();
  auto got = backend.run(*copy, inputs);
  return failed(got) ? "failed: " + context.takeMessages() : compare(*expected, *got, &coverage);
}

TEST(RandomGraphsOnBackends, AreWithinTheNumericContract) {
  Coverage coverage;
  std::map<std::string, int> ops;
  for (int seed : seeds()) {
    TestContext context;
    auto module = randomModule(context.get(), seed);
    countOps(*module, ops);
    auto inputs = randomInputsOf(*module, seed);
    if (seed % 3 == 2) inputs = requestDerivative(*module, inputs, seed);
    for (const Backend &backend : backends()) {
      std::string wrong = runAndCompare(context, backend, *module, inputs, coverage);
      if (wrong.empty()) continue;
      ADD_FAILURE() << "seed " << seed << " on " << backend.name << ": " << wrong << "\n"
                    << passes::reducedText(*module, [&](mlir::ModuleOp smaller) {
                         Coverage unused;
                         return !runAndCompare(context, backend, smaller, inputs, unused).empty();
                       });
    }
  }
  for (auto [op, count] : ops) std::cout << op << " " << count << "\n";
  std::cout << coverage.bounded << " of " << coverage.elements << " elements have a bound\n";
  EXPECT_GT(coverage.bounded, coverage.elements * 0.8);
}

} // namespace weir::testing
