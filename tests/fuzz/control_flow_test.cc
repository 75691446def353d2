// Graphs of nested control flow: compiled, interpreted, and interpreted as dataflow primitives,
// which must be the same bits as interpreted; and their derivatives by all oracles. A batch is
// compared with a loop over its slices. features: G10 G7 G11 G12 A8 A10 A11 A13
#include "passes/debug/reduce.h"
#include "passes/pipelines/pipelines.h"
#include "tests/fuzz/forms.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/seeds.h"
#include "tests/harness/backend.h"
#include "tests/harness/derivative.h"
#include "tests/harness/slices.h"

#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>
#include <iostream>

namespace weir::testing {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;
using Tensors = std::vector<runtime::HostTensor>;

/// Ops fire in an order of the seed.
static std::string compareDataflow(TestContext &context, mlir::ModuleOp module,
                                   const Tensors &inputs, const Tensors &expected, int seed) {
  Module copy = module.clone();
  mlir::PassManager pm(module.getContext());
  passes::addDataflowPipeline(pm);
  if (failed(pm.run(*copy))) return "no dataflow graph: " + context.takeMessages();
  auto got = ir::interpret(*copy, "main", inputs, {.firingOrder = static_cast<uint64_t>(seed)});
  if (failed(got)) return "dataflow failed: " + context.takeMessages();
  for (size_t k = 0; k < expected.size(); ++k)
    if ((*got)[k] != expected[k])
      return "result " + std::to_string(k) + " is " + (*got)[k].str() + " as dataflow, but " +
             expected[k].str();
  return "";
}

/// An empty string, or what is wrong.
static std::string compareAll(TestContext &context, mlir::ModuleOp module, const Tensors &inputs,
                              int seed, Coverage &coverage, Forms &forms) {
  Module resolved = module.clone();
  if (failed(resolveAutodiff(*resolved))) return "no derivative: " + context.takeMessages();
  Forms ofResolved;
  countForms(*resolved, ofResolved);
  for (auto [depth, count] : ofResolved["sweep"]) forms["sweep"][depth] += count;
  Module bySlices = module.clone();
  loopOverSlices(*bySlices);
  if (failed(resolveAutodiff(*bySlices))) return "no derivative: " + context.takeMessages();
  auto expected = ir::interpretWithBounds(*bySlices, "main", inputs);
  auto interpreted = ir::interpret(*resolved, "main", inputs);
  if (failed(expected) || failed(interpreted)) return context.takeMessages();
  std::string wrong = compareDataflow(context, module, inputs, *interpreted, seed);
  for (const Backend &backend : backends()) {
    if (!wrong.empty()) return wrong;
    Module copy = resolved->clone();
    auto got = backend.run(*copy, inputs);
    wrong = failed(got) ? "failed: " + context.takeMessages() : compare(*expected, *got, &coverage);
    if (!wrong.empty()) wrong = backend.name + ": " + wrong;
  }
  return wrong;
}

TEST(NestedControlFlow, IsTheSameCompiledInterpretedAndAsDataflow) {
  Coverage coverage;
  Forms forms;
  int64_t ops = 0;
  for (int seed : seeds()) {
    TestContext context;
    Module module = randomModule(
        context.get(), seed,
        {.onlyF64 = seed % 2 == 0, .nested = true, .requests = true, .reverseRules = true});
    countForms(*module, forms);
    std::map<std::string, int> counts;
    countOps(*module, counts);
    for (auto [op, count] : counts) ops += count;
    Tensors inputs = randomInputsOf(*module, seed);
    if (seed % 4 == 3) inputs = requestDerivative(*module, inputs, seed);
    std::string wrong = compareAll(context, *module, inputs, seed, coverage, forms);
    if (wrong.empty()) continue;
    ADD_FAILURE() << "seed " << seed << ": " << wrong << "\n"
                  << passes::reducedText(*module, [&](mlir::ModuleOp smaller) {
                       Coverage unused;
                       Forms none;
                       return !compareAll(context, smaller, inputs, seed, unused, none).empty();
                     });
  }
  print(forms, std::cout);
  std::cout << ops << " ops; " << coverage.bounded << " of " << coverage.elements
            << " elements have a bound\n";
  for (const char *form : {"if", "choice", "scan", "while", "call", "vjp"})
    for (int depth : {1, 2, 3}) EXPECT_GT(forms[form][depth], 0) << form << " at depth " << depth;
  for (const char *form : {"checkpoint", "vmap", "custom_jvp", "custom_vjp", "bounded", "segments"})
    EXPECT_FALSE(forms[form].empty()) << form;
  EXPECT_FALSE(forms["sweep"].empty());
  EXPECT_GT(coverage.bounded, coverage.elements * 0.5);
}

TEST(NestedControlFlow, HasDerivativesThatAgree) {
  DerivativeStats stats;
  Forms forms;
  for (int seed : seeds()) {
    TestContext context;
    GenerateOptions options{.maxOps = 40, .onlyF64 = true, .nested = true};
    options.reverseRules = seed % 3 == 1; // the others have a forward mode
    Module module = randomModule(context.get(), seed, options);
    countForms(*module, forms);
    bool second = seed % 4 == 0;
    std::string failure =
        checkDerivatives(*module, randomInputsOf(*module, seed), seed, 1e-5, second, stats);
    EXPECT_EQ(failure, "") << "seed " << seed << "\n" << context.takeMessages() << print(*module);
  }
  print(forms, std::cout);
  std::cout << stats.compared << " derivatives compared, " << stats.nonzero
            << " of them not zero, worst " << stats.worst << "; " << stats.unstable
            << " near a kink; " << stats.byOracle << " compared with dual numbers and the tape\n";
  EXPECT_GT(stats.compared, 10 * stats.unstable);
  EXPECT_GE(stats.byOracle, stats.compared);
}

} // namespace weir::testing
