// PTX of every kernel of the op table, one module a row, assembled.
#include "codegen/cuda/ptxas.h"
#include "tests/cuda/lowered.h"

#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace weir::codegen;

namespace weir::testing {
namespace {

std::string textWithoutName(const cuda::WarpKernel &kernel) {
  std::string text, name = cuda::nameOf(kernel).str();
  llvm::raw_string_ostream(text) << *kernel.function;
  size_t at = text.find(name);
  return at == std::string::npos ? text : text.erase(at, name.size());
}

class AssembledOps : public ::testing::TestWithParam<Row> {
protected:
  TestContext context;
};

TEST_P(AssembledOps, ArePtxThatPtxasTakes) {
  auto ptxas = cuda::findPtxas();
  std::string noPtxas = ptxas ? "" : llvm::toString(ptxas.takeError());
  std::vector<WarpKernels> parts;
  std::vector<cuda::WarpKernel> kernels;
  std::set<std::string> seen; // Samples that differ in trips have kernels in common.
  for (const auto &[dtype, sample] : samplesOf(GetParam())) {
    auto module = buildModule(context.get(), sample.args, sample.build);
    auto lowered = lowerForWarps(*module, "s" + std::to_string(parts.size()) + "_");
    ASSERT_TRUE(lowered.has_value()) << context.takeMessages();
    for (const cuda::WarpKernel &kernel : lowered->kernels)
      if (seen.insert(textWithoutName(kernel)).second) kernels.push_back(kernel);
    parts.push_back(std::move(*lowered));
  }
  if (kernels.empty()) return;
  auto ptx = cuda::compileToPtx(kernels, /*verify=*/true);
  ASSERT_TRUE(succeeded(ptx)) << context.takeMessages();
  if (!noPtxas.empty()) GTEST_SKIP() << "PTX was made, but not assembled: " << noPtxas;
  auto cubin = cuda::assemble(*ptxas, *ptx, "sm_90");
  ASSERT_TRUE(bool(cubin)) << llvm::toString(cubin.takeError());
  EXPECT_EQ(cubin->kernels.size(), kernels.size());
  RecordProperty("kernels", int(kernels.size()));
}

INSTANTIATE_TEST_SUITE_P(Table, AssembledOps, ::testing::ValuesIn(rowsWithKernels()), rowName);

} // namespace
} // namespace weir::testing
