// Every op of the table, compiled for warps and run by an emulator on the CPU, against the
// interpreter within the numeric contract.  features: F6
#include "ir/reference/interpreter.h"
#include "passes/debug/compare.h"
#include "tests/cuda/emulated.h"

namespace weir::testing {
namespace {

class EmulatedOps : public ::testing::TestWithParam<Row> {
protected:
  TestContext context;
};

TEST_P(EmulatedOps, AreWithinTheNumericContract) {
  for (const auto &[dtype, sample] : samplesOf(GetParam())) {
    SCOPED_TRACE(std::string(runtime::dtypeName(dtype)) + " " + sample.name);
    auto module = buildModule(context.get(), sample.args, sample.build);
    std::vector<runtime::HostTensor> inputs = randomInputs(sample.args, 11);
    auto expected = ir::interpretWithBounds(*module, "main", inputs);
    ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
    auto got = runEmulated(*module, inputs);
    ASSERT_TRUE(succeeded(got)) << context.takeMessages();
    EXPECT_EQ(passes::compare(*expected, *got), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EmulatedOps, ::testing::ValuesIn(rowsWithKernels()), rowName);

} // namespace
} // namespace weir::testing
