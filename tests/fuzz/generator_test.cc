// The random graphs themselves: valid, deterministic, of the promised size, together using every
// op, with tame values that most backends can be compared on.  features: F3 G7
#include "tests/fuzz/generator.h"

#include "tests/harness/backend.h"

#include "mlir/IR/Verifier.h"

#include <cmath>
#include <gtest/gtest.h>
#include <iostream>
#include <set>

namespace weir::testing {

constexpr int kSeeds = 120;

TEST(RandomGraphs, AreValidAndOfTheirSeed) {
  TestContext context;
  for (int seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto module = randomModule(context.get(), seed);
    ASSERT_TRUE(succeeded(mlir::verify(*module))) << context.takeMessages() << print(*module);
    EXPECT_EQ(print(*module), print(*randomModule(context.get(), seed)));
  }
}

TEST(RandomGraphs, TogetherUseEveryOp) {
  TestContext context;
  std::map<std::string, int> counts;
  for (int seed = 0; seed < kSeeds; ++seed) countOps(*randomModule(context.get(), seed), counts);
  for (auto [op, count] : counts) std::cout << op << " " << count << "\n";
  // Made by compilation or resolved before it.
  const std::set<std::string> others = {"weir.launch",     "weir.jvp",          "weir.vjp",
                                        "weir.sweep",      "weir.vmap",         "weir.custom_jvp",
                                        "weir.custom_vjp", "weir.custom_linear"};
  for (mlir::RegisteredOperationName name : context.get()->getRegisteredOperations())
    if (name.getDialectNamespace() == "weir" && !others.count(name.getStringRef().str()))
      EXPECT_GT(counts[name.getStringRef().str()], 0)
          << name.getStringRef().str() << ": add it to a step in tests/fuzz/steps_<family>.cc";
}

TEST(RandomGraphs, HaveTameValues) {
  TestContext context;
  Coverage coverage;
  for (int seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto module = randomModule(context.get(), seed);
    auto inputs = randomInputsOf(*module, seed);
    auto expected = ir::interpretWithBounds(*module, "main", inputs);
    ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
    for (const auto &[value, bound] : *expected)
      for (int64_t k = 0; k < value.size() && runtime::isFloat(value.dtype()); ++k)
        if (bound.at(k) < 1e9) ASSERT_LT(std::abs(value.at(k)), 1e5) << print(*module);
    auto got = ir::interpret(*module, "main", inputs);
    ASSERT_TRUE(succeeded(got));
    EXPECT_EQ(compare(*expected, *got, &coverage), "") << print(*module);
  }
  std::cout << coverage.bounded << " of " << coverage.elements << " elements have a bound\n";
  EXPECT_GT(coverage.bounded, coverage.elements * 0.8);
}

} // namespace weir::testing
