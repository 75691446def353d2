// Random graphs that use every op, written as StableHLO and imported again, compute the same.
// features: X12
#include "frontend/export/stablehlo/stablehlo_text.h"
#include "frontend/import/stablehlo/stablehlo.h"
#include "ir/reference/interpreter.h"
#include "tests/fuzz/generator.h"
#include "tests/harness/backend.h"

#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>

namespace weir::testing {
namespace {

constexpr int kSeeds = 80;

/// Beside the test's log, for parse_with_jax.py.
void keep(const std::string &text, int seed) {
  if (const char *folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR"))
    std::ofstream(std::string(folder) + "/" + std::to_string(seed) + ".stablehlo") << text;
}

TEST(StablehloExport, ComesBackWithTheSameMeaning) {
  TestContext context;
  Coverage coverage;
  for (int seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto module = randomModule(context.get(), seed);
    const auto inputs = randomInputsOf(*module, seed);
    auto expected = ir::interpretWithBounds(*module, "main", inputs);
    ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
    std::string text;
    try {
      text = stablehlo::exportText(*module);
      keep(text, seed);
      const std::string weir = stablehlo::Module::parse(text, "random.mlir").graph().toMlir();
      auto again = mlir::parseSourceString<mlir::ModuleOp>(weir, context.get());
      ASSERT_TRUE(again) << context.takeMessages();
      auto got = ir::interpret(*again, "main", inputs);
      ASSERT_TRUE(succeeded(got)) << context.takeMessages();
      EXPECT_EQ(compare(*expected, *got, &coverage), "") << print(*module) << text;
    } catch (const Error &error) {
      ADD_FAILURE() << error.what() << "\n" << text;
    }
  }
  std::cout << coverage.bounded << " of " << coverage.elements << " elements have a bound\n";
}

} // namespace
} // namespace weir::testing
