// The dataflow primitives by hand: deadness, frames and iterations, in any order of firing.
// features: G10
#include "ir/dataflow/flow.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <map>

namespace weir::ir {

using runtime::HostTensor;
using Doubles = std::vector<double>;
using Counts = std::map<std::string, int>;

class Dataflow : public testing::Test {
protected:
  Dataflow()
      : context(mlir::MLIRContext::Threading::DISABLED),
        collect(&context, [this](mlir::Diagnostic &d) { message = d.str(); }) {
    context.loadDialect<WeirDialect, flow::FlowDialect, mlir::func::FuncDialect>();
  }

  /// @main of `text` in several orders, which must agree; `ran` and `dead` are of the last.
  Doubles run(llvm::StringRef text, const std::vector<HostTensor> &inputs) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << message;
    if (!module) return {};
    Doubles first;
    for (uint64_t order : {0, 1, 2, 3, 4, 5}) {
      ran.clear(), dead.clear();
      InterpretOptions options;
      options.observe = [&](mlir::Operation *op, auto) {
        ++ran[op->getName().getStringRef().str()];
      };
      options.observeDead = [&](mlir::Operation *op) {
        ++dead[op->getName().getStringRef().str()];
      };
      options.firingOrder = order;
      auto results = interpret(*module, "main", inputs, options);
      if (failed(results)) return {};
      Doubles values;
      for (const HostTensor &result : *results) values.push_back(result.at(0));
      if (!order) first = values;
      EXPECT_EQ(values, first) << "order " << order;
    }
    return first;
  }

  mlir::MLIRContext context;
  std::string message;
  mlir::ScopedDiagnosticHandler collect;
  Counts ran, dead;
};

static HostTensor number(double x) {
  return HostTensor::from<double>({}, {x});
}
static HostTensor truth(bool x) {
  return HostTensor::scalar<bool>(x);
}

constexpr const char *kBranch = R"(
func.func @main(%p: tensor<i1>, %x: tensor<f64>) -> (tensor<f64>, tensor<i32>) {
  %r:2 = flow.graph -> tensor<f64>, tensor<i32> {
    %no, %yes = flow.switch %x by %p : tensor<f64>
    %0 = weir.neg %no : tensor<f64>
    %1 = weir.abs %0 : tensor<f64>
    %2 = weir.mul %yes, %yes : tensor<f64>
    %3, %index = flow.merge %1, %2 : (tensor<f64>, tensor<f64>) -> tensor<f64>
    flow.output %3, %index : tensor<f64>, tensor<i32>
  }
  return %r#0, %r#1 : tensor<f64>, tensor<i32>
})";

TEST_F(Dataflow, OnlyTheSideTakenRuns) {
  EXPECT_EQ(run(kBranch, {truth(true), number(-3)}), (Doubles{9, 1}));
  EXPECT_EQ(ran, (Counts{{"weir.mul", 1}, {"flow.graph", 1}}));
  EXPECT_EQ(dead, (Counts{{"weir.neg", 1}, {"weir.abs", 1}}));
  EXPECT_EQ(run(kBranch, {truth(false), number(-3)}), (Doubles{3, 0}));
  EXPECT_EQ(ran, (Counts{{"weir.neg", 1}, {"weir.abs", 1}, {"flow.graph", 1}}));
  EXPECT_EQ(dead, (Counts{{"weir.mul", 1}}));
}

/// x doubles while it is below the bound; the loop is on the true side of a switch.
constexpr const char *kLoop = R"(
func.func @main(%p: tensor<i1>, %x: tensor<f64>, %bound: tensor<f64>) -> tensor<f64> {
  %r = flow.graph -> tensor<f64> {
    %xno, %xyes = flow.switch %x by %p : tensor<f64>
    %bno, %byes = flow.switch %bound by %p : tensor<f64>
    %enter = flow.enter %xyes frame = "loop" : tensor<f64>
    %until = flow.enter constant %byes frame = "loop" : tensor<f64>
    %carry, %i = flow.merge %enter, %next : (tensor<f64>, tensor<f64>) -> tensor<f64>
    %on = weir.compare lt %carry, %until : tensor<f64>
    %done, %again = flow.switch %carry by %on : tensor<f64>
    %twice = weir.add %again, %again : tensor<f64>
    %next = flow.next_iteration %twice : tensor<f64>
    %exit = flow.exit %done : tensor<f64>
    %result, %side = flow.merge %xno, %exit : (tensor<f64>, tensor<f64>) -> tensor<f64>
    flow.output %result : tensor<f64>
  }
  return %r : tensor<f64>
})";

TEST_F(Dataflow, ALoopGoesRoundUntilItsConditionIsFalse) {
  EXPECT_EQ(run(kLoop, {truth(true), number(1), number(1000)}), Doubles{1024});
  EXPECT_EQ(ran["weir.add"], 10);
  EXPECT_EQ(ran["weir.compare"], 11);
  EXPECT_EQ(dead["weir.add"], 1);
}

TEST_F(Dataflow, ALoopOfNoTripGivesWhatItWasGiven) {
  EXPECT_EQ(run(kLoop, {truth(true), number(7), number(2)}), Doubles{7});
  EXPECT_EQ(ran["weir.add"], 0);
}

TEST_F(Dataflow, ALoopOnTheOtherSideIsDeadAfterOneIteration) {
  EXPECT_EQ(run(kLoop, {truth(false), number(1), number(1000)}), Doubles{1});
  EXPECT_EQ(ran["weir.add"] + ran["weir.compare"], 0);
  EXPECT_EQ(dead["weir.add"], 1);
  EXPECT_EQ(dead["weir.compare"], 1);
}

TEST_F(Dataflow, AnOutputThatIsDeadIsAnError) {
  EXPECT_EQ(run(R"(func.func @main(%p: tensor<i1>, %x: tensor<f64>) -> tensor<f64> {
    %r = flow.graph -> tensor<f64> {
      %no, %yes = flow.switch %x by %p : tensor<f64>
      flow.output %no : tensor<f64>
    }
    return %r : tensor<f64>
  })",
                {truth(true), number(1)}),
            Doubles{});
  EXPECT_EQ(message, "no living token reaches the output");
}

} // namespace weir::ir
