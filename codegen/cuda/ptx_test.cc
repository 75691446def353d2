// PTX of a few kernels: what is in it, and that ptxas takes it where there is one.
#include "codegen/cuda/compile.h"
#include "codegen/cuda/ptxas.h"
#include "codegen/cuda/target.h"

#include "codegen/cpu/compile/compile.h"
#include "codegen/lower/lower.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

using namespace mlir;

namespace weir::codegen {
namespace {

class Ptx : public ::testing::Test {
protected:
  Ptx() : context(registry()) { context.loadAllAvailableDialects(); }
  static DialectRegistry registry() {
    DialectRegistry registry;
    registerKernelDialects(registry);
    registry.insert<ir::WeirDialect>();
    return registry;
  }

  std::string of(const std::string &text) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    if (!module) return "does not parse";
    OwningOpRef<ModuleOp> loops = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder into = OpBuilder::atBlockEnd(loops->getBody());
    std::vector<cuda::WarpKernel> kernels;
    for (auto kernel : module->getOps<func::FuncOp>()) {
      auto lowered = lowerKernel(kernel, into, cuda::warpTarget());
      if (failed(lowered)) return "does not lower";
      kernels.push_back({lowered->function, lowered->tasks, lowered->scratchBytes});
    }
    auto ptx = cuda::compileToPtx(kernels, /*verify=*/true);
    return succeeded(ptx) ? *ptx : "does not compile";
  }

  MLIRContext context;
};

const std::string kTree = R"(
func.func @tree(%x: tensor<1024x96xf32>, %y: tensor<96xf32>) -> tensor<1024x96xf32>
    attributes {weir.kernel = "loop"} {
  %0 = weir.broadcast %y shape = [1024, 96] dims = [1] : (tensor<96xf32>) -> tensor<1024x96xf32>
  %1 = weir.mul %x, %0 : tensor<1024x96xf32>
  %2 = weir.add %1, %x : tensor<1024x96xf32>
  return %2 : tensor<1024x96xf32>
})";
const std::string kRows = R"(
func.func @rows(%x: tensor<64x1000xf32>) -> tensor<64x1000xf32> attributes {weir.kernel = "row"} {
  %0 = weir.reduce_max %x dims = [1] : (tensor<64x1000xf32>) -> tensor<64xf32>
  %1 = weir.broadcast %0 shape = [64, 1000] dims = [0] : (tensor<64xf32>) -> tensor<64x1000xf32>
  %2 = weir.sub %x, %1 : tensor<64x1000xf32>
  %3 = weir.exp %2 : tensor<64x1000xf32>
  %4 = weir.reduce_sum %3 dims = [1] : (tensor<64x1000xf32>) -> tensor<64xf32>
  %5 = weir.broadcast %4 shape = [64, 1000] dims = [0] : (tensor<64xf32>) -> tensor<64x1000xf32>
  %6 = weir.div %3, %5 : tensor<64x1000xf32>
  return %6 : tensor<64x1000xf32>
})";

std::string dotOf(const std::string &dtype) {
  std::string lhs = "tensor<70x40x" + dtype + ">", rhs = "tensor<40x90x" + dtype + ">",
              result = "tensor<70x90x" + dtype + ">";
  return "func.func @dot_" + dtype + "(%a: " + lhs + ", %b: " + rhs + ") -> " + result +
         " attributes {weir.kernel = \"dot\"} {\n  %0 = weir.dot %a, %b batch = [] x [] contract = "
         "[1] x [0] : (" +
         lhs + ", " + rhs + ") -> " + result + "\n  return %0 : " + result + "\n}\n";
}

TEST_F(Ptx, DotsOfNarrowFloatsAreOnTensorCores) {
  std::string half = of(dotOf("f16")), brain = of(dotOf("bf16")), full = of(dotOf("f32"));
  EXPECT_NE(half.find("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"), std::string::npos)
      << half;
  EXPECT_NE(brain.find("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"), std::string::npos)
      << brain;
  EXPECT_EQ(full.find("mma.sync"), std::string::npos) << full;
}

TEST_F(Ptx, ElementwiseIsRoundedOpByOp) {
  std::string ptx = of(kTree);
  EXPECT_NE(ptx.find(".visible .entry weir_tree("), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("mul.rn.f32"), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("add.rn.f32"), std::string::npos) << ptx;
  EXPECT_EQ(ptx.find("fma."), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("ld.global.nc"), std::string::npos) << ptx;
}

TEST_F(Ptx, ReductionsShuffle) {
  std::string ptx = of(kRows);
  EXPECT_NE(ptx.find("shfl.sync.idx.b32"), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("bar.warp.sync"), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("div.rn.f32"), std::string::npos) << ptx;
}

TEST_F(Ptx, IsAssembledForEveryProcessor) {
  auto ptxas = cuda::findPtxas();
  if (!ptxas) GTEST_SKIP() << llvm::toString(ptxas.takeError());
  std::string ptx = of(kTree + kRows + dotOf("f16") + dotOf("bf16"));
  for (const char *processor : {"sm_80", "sm_90"}) {
    auto cubin = cuda::assemble(*ptxas, ptx, processor);
    ASSERT_TRUE(bool(cubin)) << llvm::toString(cubin.takeError()) << ptx;
    ASSERT_EQ(cubin->kernels.size(), 4u);
    for (const auto &[name, resources] : cubin->kernels) {
      EXPECT_GT(resources.registers, 0) << name;
      EXPECT_EQ(resources.spillBytes, 0) << name;
      const bool isDot = name.find("dot") != std::string::npos; // it has its sums in registers
      EXPECT_GE(cuda::occupancyOf(resources, 128), isDot ? 0.25 : 0.5) << name;
    }
  }
  auto wrong = cuda::assemble(*ptxas, "not PTX", "sm_90");
  ASSERT_FALSE(bool(wrong));
  EXPECT_NE(llvm::toString(wrong.takeError()).find("ptxas"), std::string::npos);
}

} // namespace
} // namespace weir::codegen
