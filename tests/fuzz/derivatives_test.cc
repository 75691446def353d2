// Derivatives of random graphs in f64: JVP against central differences and dual numbers, VJP
// against JVP and the tape, second order on a part. features: A1 A2 A3 A5
#include "tests/fuzz/generator.h"
#include "tests/fuzz/seeds.h"
#include "tests/harness/derivative.h"

#include <gtest/gtest.h>
#include <iostream>

namespace weir::testing {

TEST(DerivativesOfRandomGraphs, AgreeWithCentralDifferencesAndEachOther) {
  DerivativeStats stats;
  for (int seed : seeds()) {
    TestContext context;
    auto module = randomModule(context.get(), seed, {.maxOps = 40, .onlyF64 = true});
    bool second = seed % 4 == 0;
    std::string failure =
        checkDerivatives(*module, randomInputsOf(*module, seed), seed, 1e-5, second, stats);
    EXPECT_EQ(failure, "") << "seed " << seed << "\n" << context.takeMessages() << print(*module);
  }
  std::cout << stats.compared << " derivatives compared, " << stats.nonzero
            << " of them not zero, worst " << stats.worst << "; " << stats.unstable
            << " near a kink; " << stats.byOracle << " compared with dual numbers and the tape\n";
  EXPECT_GT(stats.compared, 10 * stats.unstable);
  EXPECT_GE(stats.byOracle, stats.compared);
}

} // namespace weir::testing
