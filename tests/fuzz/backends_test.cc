// Random graphs on every backend against the interpreter in f64.  features: F3 G7
#include "tests/fuzz/generator.h"
#include "tests/harness/backend.h"

#include <gtest/gtest.h>

namespace weir::testing {

class RandomGraphOnBackends : public ::testing::TestWithParam<int> {};

TEST_P(RandomGraphOnBackends, IsWithinTheNumericContract) {
  TestContext context;
  auto module = randomModule(context.get(), GetParam(), {.without = notLowered()});
  std::vector<runtime::HostTensor> inputs = randomInputsOf(*module, GetParam());
  auto expected = ir::interpretWithBounds(*module, "main", inputs);
  ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
  for (const Backend &backend : backends()) {
    SCOPED_TRACE(backend.name);
    mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
    auto got = backend.run(*copy, inputs);
    ASSERT_TRUE(succeeded(got)) << context.takeMessages() << print(*module);
    EXPECT_EQ(compare(*expected, *got), "") << print(*module);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphOnBackends, ::testing::Range(0, 60));

} // namespace weir::testing
