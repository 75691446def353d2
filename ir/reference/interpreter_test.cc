// The meaning of ops whose indexing is easy to get wrong, control flow, the two ways to compute,
// bounds, and errors. Every op's value is checked again, against other formulas, by tests/ops.
// features: F3
#include "ir/reference/interpreter.h"

#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::ir {

using runtime::DType;
using runtime::HostTensor;

class Interpreter : public testing::Test {
protected:
  Interpreter()
      : context(mlir::MLIRContext::Threading::DISABLED),
        collect(&context, [this](mlir::Diagnostic &d) { message = d.str(); }) {
    context.loadDialect<WeirDialect, mlir::func::FuncDialect>();
  }

  void parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << message;
  }
  std::vector<HostTensor> run(std::vector<HostTensor> inputs, InterpretOptions options = {}) {
    auto results = interpret(*module, "main", inputs, options);
    EXPECT_TRUE(succeeded(results)) << message;
    return succeeded(results) ? *results : std::vector<HostTensor>();
  }
  std::vector<double> values(std::vector<HostTensor> inputs, InterpretOptions options = {}) {
    auto results = run(inputs, options);
    return results.empty() ? std::vector<double>() : results[0].toDoubles();
  }
  /// Parses and runs a function that must fail; its message.
  std::string error(llvm::StringRef text, std::vector<HostTensor> inputs) {
    parse(text);
    EXPECT_TRUE(failed(interpret(*module, "main", inputs)));
    return message;
  }

  mlir::MLIRContext context;
  std::string message;
  mlir::ScopedDiagnosticHandler collect;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

using Doubles = std::vector<double>;

static HostTensor f32(std::vector<int64_t> dims, std::vector<float> values) {
  return HostTensor::from<float>(std::move(dims), values);
}
static HostTensor f64(std::vector<int64_t> dims, std::vector<double> values) {
  return HostTensor::from<double>(std::move(dims), values);
}
static HostTensor i32(std::vector<int64_t> dims, std::vector<int32_t> values) {
  return HostTensor::from<int32_t>(std::move(dims), values);
}

TEST_F(Interpreter, TransposeTakesResultDimIFromOperandDimPermutationI) {
  parse(R"(func.func @main(%x: tensor<1x2x3xf32>) -> tensor<3x1x2xf32> {
    %y = weir.transpose %x permutation = [2, 0, 1] : (tensor<1x2x3xf32>) -> tensor<3x1x2xf32>
    return %y : tensor<3x1x2xf32> })");
  EXPECT_EQ(values({f32({1, 2, 3}, {0, 1, 2, 3, 4, 5})}), (Doubles{0, 3, 1, 4, 2, 5}));
}

TEST_F(Interpreter, PadPutsInteriorElementsBetweenNeighbours) {
  parse(R"(func.func @main(%x: tensor<2xf32>, %v: tensor<f32>) -> tensor<6xf32> {
    %y = weir.pad %x, %v low = [1] high = [2] interior = [1] : (tensor<2xf32>, tensor<f32>) -> tensor<6xf32>
    return %y : tensor<6xf32> })");
  EXPECT_EQ(values({f32({2}, {1, 2}), f32({}, {9})}), (Doubles{9, 1, 9, 2, 9, 9}));
}

TEST_F(Interpreter, DotResultIsBatchThenLhsFreeThenRhsFree) {
  parse(R"(func.func @main(%a: tensor<3x2x2xf64>, %b: tensor<2x1x3xf64>) -> tensor<2x2x1xf64> {
    %y = weir.dot %a, %b batch = [1] x [0] contract = [0] x [2]
      : (tensor<3x2x2xf64>, tensor<2x1x3xf64>) -> tensor<2x2x1xf64>
    return %y : tensor<2x2x1xf64> })");
  Doubles a(12);
  for (int i = 0; i < 12; ++i) a[i] = i;
  // y[b,m,0] = sum_k a[k,b,m] * B[b,0,k]
  EXPECT_EQ(values({f64({3, 2, 2}, a), f64({2, 1, 3}, {1, 10, 100, 2, 20, 200})}),
            (Doubles{840, 951, 2 * 1062, 2 * 1173}));
}

TEST_F(Interpreter, GatherClampsAndSharesBatchDims) {
  parse(R"(func.func @main(%x: tensor<2x3x2xf32>, %i: tensor<2x2xi32>) -> tensor<2x2x2xf32> {
    %y = weir.gather %x, %i dim = 1 batch_dims = 1 : (tensor<2x3x2xf32>, tensor<2x2xi32>) -> tensor<2x2x2xf32>
    return %y : tensor<2x2x2xf32> })");
  std::vector<float> x(12);
  for (int i = 0; i < 12; ++i) x[i] = i;
  EXPECT_EQ(values({f32({2, 3, 2}, x), i32({2, 2}, {2, -5, 1, 99})}),
            (Doubles{4, 5, 0, 1, 8, 9, 10, 11}));
}

TEST_F(Interpreter, ScatterAddDropsOutOfRangeAndAddsDuplicates) {
  parse(
      R"(func.func @main(%x: tensor<3xf32>, %i: tensor<4xi32>, %u: tensor<4xf32>) -> tensor<3xf32> {
    %y = weir.scatter_add %x, %i, %u dim = 0 batch_dims = 0
      : (tensor<3xf32>, tensor<4xi32>, tensor<4xf32>) -> tensor<3xf32>
    return %y : tensor<3xf32> })");
  EXPECT_EQ(values({f32({3}, {1, 2, 3}), i32({4}, {0, 0, 3, -1}), f32({4}, {10, 20, 30, 40})}),
            (Doubles{31, 2, 3}));
}

TEST_F(Interpreter, DynamicSlicesClampTheirStarts) {
  parse(R"(func.func @main(%x: tensor<4xf32>, %u: tensor<2xf32>, %s: tensor<i32>)
      -> (tensor<2xf32>, tensor<4xf32>) {
    %y = weir.dynamic_slice %x, %s sizes = [2] : (tensor<4xf32>, tensor<i32>) -> tensor<2xf32>
    %z = weir.dynamic_update_slice %x, %u, %s : (tensor<4xf32>, tensor<2xf32>, tensor<i32>) -> tensor<4xf32>
    return %y, %z : tensor<2xf32>, tensor<4xf32> })");
  auto results = run({f32({4}, {1, 2, 3, 4}), f32({2}, {8, 9}), i32({}, {77})});
  EXPECT_EQ(results[0].toDoubles(), (Doubles{3, 4}));
  EXPECT_EQ(results[1].toDoubles(), (Doubles{1, 2, 8, 9}));
}

TEST_F(Interpreter, ReductionsOfNothingGiveTheIdentity) {
  parse(R"(func.func @main(%x: tensor<2x0xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
    %y = weir.reduce_max %x dims = [1] : (tensor<2x0xf32>) -> tensor<2xf32>
    %z = weir.reduce_sum %x dims = [1] : (tensor<2x0xf32>) -> tensor<2xf32>
    return %y, %z : tensor<2xf32>, tensor<2xf32> })");
  auto results = run({f32({2, 0}, {})});
  EXPECT_EQ(results[0].at(1), -INFINITY);
  EXPECT_EQ(results[1].at(1), 0);
}

TEST_F(Interpreter, ArgmaxIsTheFirstOfEqualsAndNaNIsAboveAll) {
  parse(R"(func.func @main(%x: tensor<2x3xf32>) -> tensor<2xi32> {
    %y = weir.argmax %x dim = 1 : (tensor<2x3xf32>) -> tensor<2xi32>
    return %y : tensor<2xi32> })");
  EXPECT_EQ(values({f32({2, 3}, {1, 7, 7, 9, NAN, NAN})}), (Doubles{1, 1}));
}

TEST_F(Interpreter, RandomBitsCountBlocksOfFourWords) {
  parse(R"(func.func @main(%k: tensor<2xi32>) -> tensor<5xi32> {
    %y = weir.random_bits %k shape = [5] : (tensor<2xi32>) -> tensor<5xi32>
    return %y : tensor<5xi32> })");
  HostTensor result = run({i32({2}, {0, 0})})[0];
  auto bits = result.data<int32_t>();
  EXPECT_EQ(uint32_t(bits[0]), 0x6627e8d5u);
  EXPECT_EQ(uint32_t(bits[3]), 0x9b00dbd8u);
}

TEST_F(Interpreter, ScanCarriesStacksAndClosesOverOuterValues) {
  parse(R"(func.func @main(%c: tensor<f32>, %xs: tensor<3xf32>, %k: tensor<f32>)
      -> (tensor<f32>, tensor<3xf32>) {
    %r:2 = weir.scan inits(%c) xs(%xs) trips = 3 reverse
        : (tensor<f32>, tensor<3xf32>) -> (tensor<f32>, tensor<3xf32>) {
    ^bb0(%a: tensor<f32>, %x: tensor<f32>):
      %m = weir.mul %a, %k : tensor<f32>
      %n = weir.add %m, %x : tensor<f32>
      weir.yield %n, %m : tensor<f32>, tensor<f32>
    }
    return %r#0, %r#1 : tensor<f32>, tensor<3xf32> })");
  auto results = run({f32({}, {1}), f32({3}, {1, 2, 3}), f32({}, {10})});
  EXPECT_EQ(results[0].toDoubles(), (Doubles{1321}));
  EXPECT_EQ(results[1].toDoubles(), (Doubles{1320, 130, 10}));
}

TEST_F(Interpreter, IfRunsOneRegionAndCallsAndLaunchesRunFunctions) {
  parse(R"(
    func.func @twice(%x: tensor<f32>) -> tensor<f32> {
      %y = weir.add %x, %x : tensor<f32>
      return %y : tensor<f32>
    }
    func.func private @kernel(%x: tensor<f32>) -> tensor<f32> attributes {weir.kernel = "loop"} {
      %y = weir.neg %x : tensor<f32>
      return %y : tensor<f32>
    }
    func.func @main(%p: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
      %r = weir.if %p : (tensor<i1>) -> tensor<f32> {
        %y = weir.call @twice(%x) : (tensor<f32>) -> tensor<f32>
        weir.yield %y : tensor<f32>
      } else {
        %y = weir.launch @kernel(%x) : (tensor<f32>) -> tensor<f32>
        weir.yield %y : tensor<f32>
      }
      return %r : tensor<f32>
    })");
  EXPECT_EQ(values({HostTensor::scalar(true), f32({}, {3})}), (Doubles{6}));
  EXPECT_EQ(values({HostTensor::scalar(false), f32({}, {3})}), (Doubles{-3}));
}

constexpr llvm::StringLiteral kThird = R"(func.func @main(%x: tensor<f32>) -> tensor<f32> {
    %c = weir.constant dense<3.0> : tensor<f32>
    %y = weir.div %x, %c : tensor<f32>
    return %y : tensor<f32> })";

TEST_F(Interpreter, RoundsToTheDtypeAfterEachOpUnlessWidened) {
  parse(kThird);
  EXPECT_EQ(run({f32({}, {1})})[0].item<float>(), 1.0f / 3.0f);
  EXPECT_EQ(run({f32({}, {1})}, {.widen = true})[0].item<double>(), 1.0 / 3.0);
  EXPECT_EQ(run({f64({}, {1e-60})}, {.widen = true})[0].item<double>(), 1e-60 / 3.0);
}

TEST_F(Interpreter, ObserverSeesEachOpInOrder) {
  parse(kThird);
  std::vector<std::string> seen;
  InterpretOptions options;
  options.observe = [&](mlir::Operation *op, llvm::ArrayRef<HostTensor> results) {
    seen.push_back(op->getName().getStringRef().str() + " " + results[0].str());
  };
  run({f32({}, {6})}, options);
  EXPECT_EQ(seen, (std::vector<std::string>{"weir.constant f32[] {3}", "weir.div f32[] {2}"}));
}

TEST_F(Interpreter, BoundsFollowCancellationAndComparisons) {
  parse(
      R"(func.func @main(%x: tensor<f32>, %y: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<i1>) {
    %e = weir.exp %x : tensor<f32>
    %d = weir.sub %e, %y : tensor<f32>
    %n = weir.neg %x : tensor<f32>
    %p = weir.compare lt %e, %y : tensor<f32>
    return %d, %n, %p : tensor<f32>, tensor<f32>, tensor<i1> })");
  float near = std::exp(1.0f);
  auto close = interpretWithBounds(*module, "main", {f32({}, {1}), f32({}, {near})});
  ASSERT_TRUE(succeeded(close));
  double eps = std::numeric_limits<float>::epsilon();
  EXPECT_NEAR((*close)[0].bound.item<double>(), 4 * eps * (near + 2 * near), 1e-9);
  EXPECT_EQ((*close)[1].bound.item<double>(), 0);
  EXPECT_EQ((*close)[2].bound.item<double>(), INFINITY);
  auto far = interpretWithBounds(*module, "main", {f32({}, {1}), f32({}, {5})});
  ASSERT_TRUE(succeeded(far));
  EXPECT_EQ((*far)[2].bound.item<double>(), 0);
}

TEST_F(Interpreter, MistakesAreDiagnosed) {
  EXPECT_EQ(error(kThird, {}), "function main takes 1 inputs, not 0");
  EXPECT_EQ(error(kThird, {i32({}, {1})}), "input 0 is i32[], the function takes f32[]");
  EXPECT_EQ(error(kThird, {f32({1}, {1})}), "input 0 is f32[1], the function takes f32[]");
  std::string recursion = error(R"(func.func @main(%x: tensor<f32>) -> tensor<f32> {
    %y = weir.call @main(%x) : (tensor<f32>) -> tensor<f32>
    return %y : tensor<f32> })",
                                {f32({}, {1})});
  EXPECT_EQ(recursion, "calls are nested deeper than 64");
}

TEST_F(Interpreter, DerivativesMustBeResolvedBefore) {
  std::string message = error(R"(
    func.func @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
    func.func @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %y:2 = weir.jvp @f(%x, %x) wrt = [0] : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
      return %y#0, %y#1 : tensor<f32>, tensor<f32> })",
                              {f32({}, {1})});
  EXPECT_EQ(message, "the interpreter knows no derivatives: autodiff must be resolved before");
}

TEST_F(Interpreter, EveryOpOfTheDialectIsInterpreted) {
  for (mlir::RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "weir" || name.getStringRef() == "weir.yield") continue;
    EXPECT_TRUE(isInterpreted(name.getStringRef()))
        << name.getStringRef().str() << ": add a row to its family's file in ir/reference";
  }
}

} // namespace weir::ir
