// What spreads how far: along loops, through control flow and updates, backwards; and what does
// not. features: P11
#include "distributed/propagate/propagate.h"

#include "distributed/propagate/rule.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

namespace weir::distributed {
namespace {

class PropagateTest : public ::testing::Test {
protected:
  PropagateTest() {
    context.loadDialect<ir::WeirDialect, ir::spmd::SpmdDialect, mlir::func::FuncDialect>();
  }

  void run(const std::string &mesh, const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    (*module)->setAttr(ir::spmd::kMeshAttr, mlir::StringAttr::get(&context, mesh));
    main = module->lookupSymbol<mlir::func::FuncOp>("main");
    auto result = propagate(main);
    ASSERT_TRUE(succeeded(result));
    plan = *std::move(result);
  }
  std::string of(mlir::Value value) { return plan.shardings.lookup(value).str(plan.mesh); }
  std::string argument(unsigned i) { return of(main.getArgument(i)); }
  /// Of the first result of the first op of that name.
  std::string result(llvm::StringRef name, unsigned skip = 0) {
    std::string text = "no such op";
    main.walk([&](mlir::Operation *op) {
      if (op->getName().getStringRef() != name || skip-- > 0) return mlir::WalkResult::advance();
      text = of(op->getResult(0));
      return mlir::WalkResult::interrupt();
    });
    return text;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp main;
  Propagation plan;
};

TEST_F(PropagateTest, ABatchSplitsWhatRunsAlongIt) {
  run("data=2", R"(
    func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{data},{}]"}, %w: tensor<4x5xf32>) -> tensor<30xf32> {
      %y = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<6x4xf32>, tensor<4x5xf32>) -> tensor<6x5xf32>
      %t = weir.transpose %y permutation = [1, 0] : (tensor<6x5xf32>) -> tensor<5x6xf32>
      %c = weir.cumulative_sum %t dim = 1 reverse = false : tensor<5x6xf32>
      %r = weir.reshape %y shape = [30] : (tensor<6x5xf32>) -> tensor<30xf32>
      return %r : tensor<30xf32>
    })");
  EXPECT_EQ(argument(1), "[{},{}]");
  EXPECT_EQ(result("weir.dot"), "[{data},{}]");
  EXPECT_EQ(result("weir.transpose"), "[{},{data}]");
  EXPECT_EQ(result("weir.cumulative_sum"), "[{},{}]") << "a whole dim is never split";
  EXPECT_EQ(result("weir.reshape"), "[{data}]");
}

TEST_F(PropagateTest, UnevenPiecesDoNotGoThroughReshapes) {
  run("data=4", R"(
    func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{data},{}]"}) -> tensor<24xf32> {
      %r = weir.reshape %x shape = [24] : (tensor<6x4xf32>) -> tensor<24xf32>
      return %r : tensor<24xf32>
    })");
  EXPECT_EQ(result("weir.reshape"), "[{}]");
}

TEST_F(PropagateTest, WindowsAtPlacesThatDataSaysAreNotSplit) {
  run("data=2", R"(
    func.func @main(%x: tensor<8x4xf32>, %i: tensor<i32>, %j: tensor<6xi32> {spmd.sharding = "[{data}]"})
        -> (tensor<4x4xf32>, tensor<6x4xf32>, tensor<8x4xf32>) {
      %s = weir.dynamic_slice %x, %i, %i sizes = [4, 4] : (tensor<8x4xf32>, tensor<i32>, tensor<i32>) -> tensor<4x4xf32>
      %d = spmd.shard %s to "[{data},{}]" : tensor<4x4xf32>
      %n = weir.neg %s : tensor<4x4xf32>
      %g = weir.gather %x, %j dim = 0 batch_dims = 0 : (tensor<8x4xf32>, tensor<6xi32>) -> tensor<6x4xf32>
      %u = weir.dynamic_update_slice %x, %d, %i, %i : (tensor<8x4xf32>, tensor<4x4xf32>, tensor<i32>, tensor<i32>) -> tensor<8x4xf32>
      return %n, %g, %u : tensor<4x4xf32>, tensor<6x4xf32>, tensor<8x4xf32>
    })");
  EXPECT_EQ(argument(0), "[{},{}]");
  EXPECT_EQ(result("weir.gather"), "[{data},{}]") << "positions are split, not what they are of";
  EXPECT_EQ(result("weir.dynamic_update_slice"), "[{},{}]");
  // The window does not move along dim 1.
  EXPECT_EQ(ruleOf(*main.getOps<ir::DynamicSliceOp>().begin()).results[0], (DimFactors{-1, 1}));
}

TEST_F(PropagateTest, AWordInTheMiddleGoesBackToArgumentsAndVariables) {
  run("model=2", R"(
    func.func @main(%w: tensor<4x6xf32>, %g: tensor<4x6xf32>) -> (tensor<4x6xf32> {weir.updates = 0 : i64}) {
      %s = spmd.shard %g to "[{},{model}]" : tensor<4x6xf32>
      %n = weir.sub %w, %s : tensor<4x6xf32>
      return %n : tensor<4x6xf32>
    })");
  EXPECT_EQ(argument(0), "[{},{model}]");
  EXPECT_EQ(argument(1), "[{},{model}]");
}

TEST_F(PropagateTest, CarriesAndSlicesAreWhatRegionsTake) {
  run("data=2", R"(
    func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{data},{}]"}, %xs: tensor<3x6x4xf32>) -> (tensor<6x4xf32>, tensor<3x6xf32>) {
      %c, %ys = weir.scan inits(%x) xs(%xs) trips = 3 : (tensor<6x4xf32>, tensor<3x6x4xf32>) -> (tensor<6x4xf32>, tensor<3x6xf32>) {
      ^bb0(%c: tensor<6x4xf32>, %s: tensor<6x4xf32>):
        %e = weir.add %c, %s : tensor<6x4xf32>
        %r = weir.reduce_sum %e dims = [1] : (tensor<6x4xf32>) -> tensor<6xf32>
        weir.yield %e, %r : tensor<6x4xf32>, tensor<6xf32>
      }
      return %c, %ys : tensor<6x4xf32>, tensor<3x6xf32>
    })");
  EXPECT_EQ(argument(1), "[{},{data},{}]");
  EXPECT_EQ(result("weir.scan"), "[{data},{}]");
  auto scan = *main.getOps<ir::ScanOp>().begin();
  EXPECT_EQ(of(scan.getResult(1)), "[{},{data}]");
}

TEST_F(PropagateTest, WhatIsSaidTwiceIsAConflictAndKept) {
  run("a=2,b=2", R"(
    func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{a},{}]"}, %y: tensor<6x4xf32> {spmd.sharding = "[{b},{}]"}) -> tensor<6x4xf32> {
      %s = weir.add %x, %y : tensor<6x4xf32>
      return %s : tensor<6x4xf32>
    })");
  EXPECT_EQ(argument(0), "[{a},{}]");
  EXPECT_EQ(argument(1), "[{b},{}]");
  EXPECT_EQ(result("weir.add"), "[{},{}]");
  ASSERT_EQ(plan.conflicts.size(), 1u);
  EXPECT_EQ(plan.conflicts[0].op->getName().getStringRef(), "weir.add");
  EXPECT_EQ(plan.conflicts[0].first, main.getArgument(0));
  EXPECT_EQ(plan.conflicts[0].second, main.getArgument(1));
}

TEST_F(PropagateTest, AMeshThatIsNoneIsAnError) {
  module = mlir::parseSourceString<mlir::ModuleOp>("func.func @main() { return }", &context);
  (*module)->setAttr(ir::spmd::kMeshAttr, mlir::StringAttr::get(&context, "data"));
  std::string said;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { said += diagnostic.str(); });
  EXPECT_TRUE(failed(propagate(module->lookupSymbol<mlir::func::FuncOp>("main"))));
  EXPECT_EQ(said, "axis data of a mesh has no size");
}

} // namespace
} // namespace weir::distributed
