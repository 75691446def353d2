// A planted wrong pass and a planted wrong kernel are found and reduced; right programs agree.
// features: X9
#include "passes/debug/bisect.h"

#include "codegen/artifact/artifact.h"
#include "frontend/data/philox.h"
#include "frontend/weir.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::passes {
namespace {

using ::testing::HasSubstr;
using Kind = BisectResult::Kind;

/// a - b becomes b - a, but only where a is a tanh.
void swapOperands(mlir::Operation *root) {
  root->walk([](ir::SubOp sub) {
    if (!sub.getOperand(0).getDefiningOp<ir::TanhOp>()) return;
    mlir::Value first = sub->getOperand(0);
    sub->setOperand(0, sub->getOperand(1));
    sub->setOperand(1, first);
  });
}

struct SwapSub : mlir::PassWrapper<SwapSub, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SwapSub)
  llvm::StringRef getArgument() const final { return "test-swap-sub"; }
  void runOnOperation() override { swapOperands(getOperation()); }
};

/// The right module stays; the machine code is that of wrong kernels.
mlir::FailureOr<runtime::Executable> compileWrongly(mlir::ModuleOp module) {
  if (failed(lower(module, Level::Source, Level::Kernels))) return mlir::failure();
  mlir::OwningOpRef<mlir::ModuleOp> wrong(module.clone());
  for (auto function : wrong->getOps<mlir::func::FuncOp>())
    if (function->hasAttr(ir::kKernelAttr)) swapOperands(function);
  return codegen::buildExecutable(*wrong, {.target = *codegen::targetForLevel("host")});
}

class Bisect : public ::testing::Test {
protected:
  Bisect() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    static const bool registered = [] {
      registerAllPasses();
      mlir::PassRegistration<SwapSub>();
      return true;
    }();
    (void)registered;
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const Graph &graph) {
    return mlir::parseSourceString<mlir::ModuleOp>(graph.toMlir(/*locations=*/true), &context);
  }

  static std::vector<Array> inputsOf(mlir::ModuleOp module) {
    std::vector<Array> inputs;
    auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
    for (mlir::Type type : main.getArgumentTypes()) {
      auto tensor = mlir::cast<mlir::RankedTensorType>(type);
      Array array(f64, tensor.getShape().vec());
      data::Philox random(inputs.size());
      for (double &v : array.mutableData<double>()) v = random.normal();
      inputs.push_back(array.cast(*ir::dtypeOf(tensor)));
    }
    return inputs;
  }

  mlir::MLIRContext context;
};

/// About forty ops, with a matmul, a scan and a softmax around the difference.
Graph program(unsigned &line) {
  Graph g;
  Tensor x = g.input("x", f32, {6, 8}), w = g.input("w", f32, {8, 8});
  Tensor h = matmul(x, w);
  h = nn::layerNorm(h, sum(w, 0), sum(w, 1));
  auto [last, ys] = scan(g.zeros({8}), h, [](Tensor carry, Tensor row) {
    Tensor next = carry * 0.5 + row;
    return std::pair(next, next);
  });
  Tensor s = nn::softmax(matmul(ys, transpose(w)));
  line = __LINE__ + 1;
  Tensor d = tanh(s + x) - exp(s);
  g.output("y", nn::gelu(matmul(d, w)));
  g.output("z", last * 2);
  return g;
}

TEST_F(Bisect, ARightProgramAgrees) {
  unsigned line = 0;
  auto module = parse(program(line));
  auto result = bisect(*module, inputsOf(*module));
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result->kind, Kind::Agree) << result->where << result->difference;
  EXPECT_GT(result->passesCompared, 8);
  EXPECT_GT(result->launchesCompared, 5);
}

TEST_F(Bisect, DerivativesAndUpdatesAgree) {
  Graph g;
  Tensor x = g.input("x", f32, {6, 4}), w = g.variable("w", Array::full<float>({4, 3}, 0.5f));
  Tensor loss = mean(square(tanh(matmul(x, w))));
  g.output("loss", loss);
  g.minimize(loss, nn::sgd(0.1));
  auto module = parse(g);
  auto result = bisect(*module, inputsOf(*module));
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result->kind, Kind::Agree) << result->where << result->difference;
  EXPECT_EQ(result->reference, "weir-resolve-autodiff");
}

TEST_F(Bisect, APlantedPassIsFoundAndReduced) {
  unsigned line = 0;
  auto module = parse(program(line));
  BisectOptions options;
  options.pipeline = [](mlir::OpPassManager &pm) {
    addPipeline(pm, Level::Source, Level::Graph);
    pm.addPass(std::make_unique<SwapSub>());
    addPipeline(pm, Level::Graph, Level::Kernels);
    return mlir::success();
  };
  auto result = bisect(*module, inputsOf(*module), options);
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result->kind, Kind::Pass);
  EXPECT_EQ(result->where, "test-swap-sub");
  EXPECT_THAT(result->difference, HasSubstr("expected"));
  EXPECT_LE(result->ops, 2);

  // What is left fails by itself.
  auto onlyPass = [](mlir::OpPassManager &pm) {
    return mlir::parsePassPipeline("test-swap-sub", pm);
  };
  auto again = bisect(*result->reproducer.module, result->reproducer.inputs,
                      {.pipeline = onlyPass, .run = false});
  ASSERT_TRUE(succeeded(again));
  EXPECT_EQ(again->kind, Kind::Pass);
}

TEST_F(Bisect, APlantedKernelIsFoundAndReduced) {
  unsigned line = 0;
  auto module = parse(program(line));
  auto result = bisect(*module, inputsOf(*module), {.compile = compileWrongly});
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result->kind, Kind::Launch);
  EXPECT_THAT(result->place, HasSubstr("bisect_test.cc:"));
  EXPECT_LE(result->ops, 2);
  std::string text;
  llvm::raw_string_ostream(text) << *result->reproducer.module;
  EXPECT_THAT(text, HasSubstr("weir.tanh"));
  EXPECT_THAT(text, HasSubstr("weir.sub"));
}

} // namespace
} // namespace weir::passes
