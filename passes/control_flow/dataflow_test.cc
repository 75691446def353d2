// Structured control flow against the dataflow primitives it is lowered to: the same bits, with as
// many ops run.  features: G10
#include "ir/dataflow/flow.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"
#include "passes/control_flow/control_flow.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>
#include <map>

namespace weir::passes {

using runtime::HostTensor;
using Tensors = std::vector<HostTensor>;
using Counts = std::map<std::string, int>;

class ToDataflow : public testing::Test {
protected:
  ToDataflow() : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<ir::WeirDialect, ir::flow::FlowDialect, mlir::func::FuncDialect>();
  }

  Tensors interpret(mlir::ModuleOp module, const Tensors &inputs, uint64_t order, Counts &ran) {
    ir::InterpretOptions options;
    options.firingOrder = order;
    options.observe = [&](mlir::Operation *op, auto) { ++ran[op->getName().stripDialect().str()]; };
    auto results = ir::interpret(module, "main", inputs, options);
    EXPECT_TRUE(succeeded(results));
    return succeeded(results) ? *results : Tensors();
  }

  /// Runs @main as it is and as a dataflow graph; fills `ran` with what the latter ran.
  Tensors check(llvm::StringRef text, const Tensors &inputs) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    if (!module) return {};
    structured.clear();
    Tensors expected = interpret(*module, inputs, 0, structured);
    mlir::PassManager pm(&context);
    pm.addPass(createExpandSweepsPass());
    pm.addPass(createExpandScansPass());
    pm.addPass(createLowerToDataflowPass());
    EXPECT_TRUE(succeeded(pm.run(*module)));
    module->walk([](mlir::Operation *op) {
      EXPECT_TRUE((!mlir::isa<ir::IfOp, ir::WhileOp, ir::ScanOp, ir::SweepOp>(op)));
    });
    for (uint64_t order : {0, 7, 8, 9}) {
      ran.clear();
      EXPECT_EQ(interpret(*module, inputs, order, ran), expected);
    }
    return expected;
  }

  mlir::MLIRContext context;
  Counts structured, ran;
};

static HostTensor number(double x) {
  return HostTensor::from<double>({}, {x});
}

static HostTensor truth(bool x) {
  return HostTensor::scalar<bool>(x);
}

/// Collatz: a branch in a loop, one side of which has a loop of its own.
constexpr const char *kNested = R"(
func.func @main(%start: tensor<i64>, %scale: tensor<f64>) -> (tensor<i64>, tensor<f64>) {
  %one = weir.constant dense<1> : tensor<i64>
  %two = weir.constant dense<2> : tensor<i64>
  %zero = weir.constant dense<0.0> : tensor<f64>
  %r:2 = weir.while inits(%start, %zero) snapshots = 4 : (tensor<i64>, tensor<f64>) -> (tensor<i64>, tensor<f64>) {
  ^bb0(%n: tensor<i64>, %sum: tensor<f64>):
    %on = weir.compare lt %one, %n : tensor<i64>
    weir.yield %on : tensor<i1>
  } do {
  ^bb0(%n: tensor<i64>, %sum: tensor<f64>):
    %rest = weir.rem %n, %two : tensor<i64>
    %odd = weir.compare eq %rest, %one : tensor<i64>
    %next:2 = weir.if %odd : (tensor<i1>) -> (tensor<i64>, tensor<f64>) {
      %three = weir.constant dense<3> : tensor<i64>
      %0 = weir.mul %n, %three : tensor<i64>
      %1 = weir.add %0, %one : tensor<i64>
      %s = weir.add %sum, %scale : tensor<f64>
      weir.yield %1, %s : tensor<i64>, tensor<f64>
    } else {
      // Halves as often as it can.
      %2:2 = weir.while inits(%n, %sum) snapshots = 4 : (tensor<i64>, tensor<f64>) -> (tensor<i64>, tensor<f64>) {
      ^bb0(%m: tensor<i64>, %t: tensor<f64>):
        %3 = weir.rem %m, %two : tensor<i64>
        %4 = weir.compare lt %3, %one : tensor<i64>
        weir.yield %4 : tensor<i1>
      } do {
      ^bb0(%m: tensor<i64>, %t: tensor<f64>):
        %5 = weir.div %m, %two : tensor<i64>
        %6 = weir.cos %scale : tensor<f64>
        %7 = weir.sub %t, %6 : tensor<f64>
        weir.yield %5, %7 : tensor<i64>, tensor<f64>
      }
      weir.yield %2#0, %2#1 : tensor<i64>, tensor<f64>
    }
    weir.yield %next#0, %next#1 : tensor<i64>, tensor<f64>
  }
  return %r#0, %r#1 : tensor<i64>, tensor<f64>
})";

TEST_F(ToDataflow, WhileInIfInWhile) {
  for (int64_t start : {1, 2, 7, 27}) {
    Tensors results = check(kNested, {HostTensor::from<int64_t>({}, {start}), number(0.25)});
    ASSERT_EQ(results.size(), 2u);
    EXPECT_EQ(results[0].at(0), 1);
    // What is in a body or branch runs as often as in the structured loop, and so is not run where
    // no branch was taken.
    for (const char *op : {"mul", "add", "div", "cos", "sub", "rem", "compare"})
      EXPECT_EQ(ran[op], structured[op]) << op << " from " << start;
    EXPECT_EQ(ran["mul"] == 0, start <= 2);
    EXPECT_EQ(ran["div"] == 0, start == 1);
  }
}

TEST_F(ToDataflow, ScanWithCarriesInputsAndStackedOutputs) {
  for (const char *direction : {"", " reverse"}) {
    std::string text =
        std::string(R"(
func.func @main(%c: tensor<2xf64>, %xs: tensor<3x2xf64>) -> (tensor<2xf64>, tensor<3xf64>, tensor<3x2xf64>) {
  %scale = weir.constant dense<0.5> : tensor<2xf64>
  %0:3 = weir.scan inits(%c) xs(%xs) trips = 3)") +
        direction +
        R"( : (tensor<2xf64>, tensor<3x2xf64>) -> (tensor<2xf64>, tensor<3xf64>, tensor<3x2xf64>) {
  ^bb0(%a: tensor<2xf64>, %x: tensor<2xf64>):
    %1 = weir.mul %a, %scale : tensor<2xf64>
    %2 = weir.add %1, %x : tensor<2xf64>
    %3 = weir.reduce_sum %2 dims = [0] : (tensor<2xf64>) -> tensor<f64>
    weir.yield %2, %3, %a : tensor<2xf64>, tensor<f64>, tensor<2xf64>
  }
  return %0#0, %0#1, %0#2 : tensor<2xf64>, tensor<3xf64>, tensor<3x2xf64>
})";
    Tensors results = check(text, {HostTensor::from<double>({2}, {8, 4}),
                                   HostTensor::from<double>({3, 2}, {1, 2, 3, 4, 5, 6})});
    ASSERT_EQ(results.size(), 3u);
    EXPECT_EQ(results[1].toDoubles()[*direction ? 2 : 0], *direction ? 17 : 9);
    EXPECT_EQ(ran["reduce_sum"], 3);
  }
}

TEST_F(ToDataflow, ABodyThatOnlyPassesOuterValuesOnStillStops) {
  Tensors results = check(R"(
func.func @main(%on: tensor<i1>, %x: tensor<f64>, %y: tensor<f64>) -> tensor<f64> {
  %0 = weir.while inits(%x) snapshots = 1 : (tensor<f64>) -> tensor<f64> {
  ^bb0(%c: tensor<f64>):
    %1 = weir.compare lt %c, %y : tensor<f64>
    weir.yield %1 : tensor<i1>
  } do {
  ^bb0(%c: tensor<f64>):
    %1 = weir.if %on : (tensor<i1>) -> tensor<f64> {
      weir.yield %y : tensor<f64>
    } else {
      %2 = weir.constant dense<100.0> : tensor<f64>
      weir.yield %2 : tensor<f64>
    }
    weir.yield %1 : tensor<f64>
  }
  return %0 : tensor<f64>
})",
                          {truth(true), number(1), number(2)});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].at(0), 2);
}

/// The derivative of a while loop: forwards, and back over states found again from snapshots.
TEST_F(ToDataflow, Sweep) {
  Tensors results = check(R"(
func.func @main(%n: tensor<i64>, %x: tensor<f64>, %ct: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %0:2 = weir.sweep %n forward(%x) reverse(%ct) snapshots = 3 : (tensor<i64>, tensor<f64>, tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  ^bb0(%s: tensor<f64>):
    %1 = weir.mul %s, %s : tensor<f64>
    weir.yield %1 : tensor<f64>
  } then {
  ^bb0(%s: tensor<f64>, %r: tensor<f64>):
    %1 = weir.add %s, %s : tensor<f64>
    %2 = weir.mul %1, %r : tensor<f64>
    weir.yield %2 : tensor<f64>
  }
  return %0#0, %0#1 : tensor<f64>, tensor<f64>
})",
                          {HostTensor::from<int64_t>({}, {7}), number(1), number(1)});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].at(0), 128);
}

} // namespace weir::passes
