// Random graphs, whose kernels fuse what the op table has apart, on emulated warps.
// features: F6
#include "ir/reference/interpreter.h"
#include "passes/debug/compare.h"
#include "tests/cuda/emulated.h"
#include "tests/fuzz/generator.h"

namespace weir::testing {
namespace {

TEST(EmulatedGraphs, AreWithinTheNumericContract) {
  constexpr uint64_t firstSeed = 7000, graphs = 24;
  TestContext context;
  for (uint64_t seed = firstSeed; seed < firstSeed + graphs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto module = randomModule(context.get(), seed);
    std::vector<runtime::HostTensor> inputs = randomInputsOf(*module, seed);
    auto expected = ir::interpretWithBounds(*module, "main", inputs);
    ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
    mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
    auto got = runEmulated(*copy, inputs);
    ASSERT_TRUE(succeeded(got)) << context.takeMessages() << print(*module);
    EXPECT_EQ(passes::compare(*expected, *got), "") << print(*module);
  }
}

} // namespace
} // namespace weir::testing
