// Values known in closed form: first and second order of small functions, every mix of forward and
// reverse, the fourth derivative of sin, fan-out, integers that pass through, and the mistakes that
// are refused. features: A2, A4, A6, A7, A9
#include "autodiff/test/check.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::autodiff {
namespace {

// ln x1 + x1 x2 - sin x2
const char *kClassic = R"(
func.func @f(%x1: tensor<f64>, %x2: tensor<f64>) -> tensor<f64> {
  %0 = weir.log %x1 : tensor<f64>
  %1 = weir.mul %x1, %x2 : tensor<f64>
  %2 = weir.add %0, %1 : tensor<f64>
  %3 = weir.sin %x2 : tensor<f64>
  %4 = weir.sub %2, %3 : tensor<f64>
  return %4 : tensor<f64>
})";
const double kTolerance = 1e-12;

TEST(Golden, ValueAndGradientOfClassicFunction) {
  Program program(kClassic);
  std::string vjp = program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  Tensors results = program.run(vjp, {{2}, {5}, {1}});
  EXPECT_NEAR(results[0][0], 11.652071455223084, kTolerance);
  EXPECT_NEAR(results[1][0], 5.5, kTolerance);
  EXPECT_NEAR(results[2][0], 1.7163378145367738, kTolerance);
}

TEST(Golden, JacobianByColumnsIsGradient) {
  Program program(kClassic);
  std::string jvp = program.addJvp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_NEAR(program.run(jvp, {{2}, {5}, {1}, {0}})[1][0], 5.5, kTolerance);
  EXPECT_NEAR(program.run(jvp, {{2}, {5}, {0}, {1}})[1][0], 1.7163378145367738, kTolerance);
}

// [[-1/x1^2, 1], [1, sin x2]]
void expectHessian(double d11, double d12, double d21, double d22) {
  EXPECT_NEAR(d11, -0.25, kTolerance);
  EXPECT_NEAR(d12, 1, kTolerance);
  EXPECT_NEAR(d21, 1, kTolerance);
  EXPECT_NEAR(d22, std::sin(5.0), kTolerance);
}

TEST(Golden, HessianForwardOverReverse) {
  Program program(kClassic);
  std::string hvp = program.addJvp(program.addVjp("f"), {0, 1});
  ASSERT_TRUE(program.resolve()) << program.message;
  // (x1, x2, ct, t1, t2) -> (f, g1, g2, tangents of f, g1, g2)
  Tensors first = program.run(hvp, {{2}, {5}, {1}, {1}, {0}}),
          second = program.run(hvp, {{2}, {5}, {1}, {0}, {1}});
  expectHessian(first[4][0], first[5][0], second[4][0], second[5][0]);
}

TEST(Golden, HessianReverseOverReverse) {
  Program program(kClassic);
  std::string twice = program.addVjp(program.addVjp("f"), {0, 1});
  ASSERT_TRUE(program.resolve()) << program.message;
  // (x1, x2, ct, cotangents of f, g1, g2) -> (f, g1, g2, cotangents of x1, x2)
  Tensors first = program.run(twice, {{2}, {5}, {1}, {0}, {1}, {0}});
  Tensors second = program.run(twice, {{2}, {5}, {1}, {0}, {0}, {1}});
  expectHessian(first[3][0], first[4][0], second[3][0], second[4][0]);
}

TEST(Golden, HessianReverseOverForward) {
  Program program(kClassic);
  std::string mixed = program.addVjp(program.addJvp("f"), {0, 1});
  ASSERT_TRUE(program.resolve()) << program.message;
  // (x1, x2, t1, t2, cotangents of f, df) -> (f, df, cotangents of x1, x2)
  Tensors first = program.run(mixed, {{2}, {5}, {1}, {0}, {0}, {1}});
  Tensors second = program.run(mixed, {{2}, {5}, {0}, {1}, {0}, {1}});
  expectHessian(first[2][0], first[3][0], second[2][0], second[3][0]);
}

const char *kSin = R"(
func.func @f(%x: tensor<f64>) -> tensor<f64> {
  %0 = weir.sin %x : tensor<f64>
  return %0 : tensor<f64>
})";

TEST(Golden, FourthDerivativeOfSinIsSin) {
  for (std::string modes : {"ffff", "rrrr", "frfr", "rffr"}) {
    Program program(kSin);
    std::string name = "f";
    for (char mode : modes)
      name = mode == 'f' ? program.addJvp(name, {0}) : program.addVjp(name, {0});
    ASSERT_TRUE(program.resolve()) << program.message;
    // Ones for tangents of x and for the cotangent of the newest result, zeros for those of the
    // older ones.
    Tensors arguments = {{0.7}};
    size_t results = 1;
    for (char mode : modes) {
      if (mode == 'f')
        arguments.push_back({1});
      else
        for (size_t i = 0; i < results; ++i) arguments.push_back({i + 1 == results ? 1.0 : 0.0});
      results = mode == 'f' ? 2 * results : results + 1;
    }
    EXPECT_NEAR(program.run(name, arguments).back()[0], std::sin(0.7), kTolerance) << modes;
  }
}

TEST(Golden, FanOutAddsCotangents) {
  Program program(R"(
func.func @f(%x: tensor<f64>) -> tensor<f64> {
  %one = weir.constant dense<1.0> : tensor<f64>
  %two = weir.constant dense<2.0> : tensor<f64>
  %y1 = weir.add %x, %one : tensor<f64>
  %y2 = weir.mul %two, %x : tensor<f64>
  %d = weir.sub %y1, %y2 : tensor<f64>
  %0 = weir.mul %d, %d : tensor<f64>
  return %0 : tensor<f64>
})");
  std::string vjp = program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.run(vjp, {{3}, {1}})[1][0], 4);
}

TEST(Golden, IntegersPassThrough) {
  const char *text = R"(
func.func @f(%x: tensor<2xf64>, %i: tensor<2xi32>) -> (tensor<2xi32>, tensor<2xf64>) {
  %0 = weir.convert %i to f64 : (tensor<2xi32>) -> tensor<2xf64>
  %1 = weir.mul %x, %0 : tensor<2xf64>
  %2 = weir.add %i, %i : tensor<2xi32>
  return %2, %1 : tensor<2xi32>, tensor<2xf64>
})";
  checkDerivatives(text, {{1.5, -2}, {3, 4}});
  Program program(text);
  std::string vjp = program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.run(vjp, {{1.5, -2}, {3, 4}, {1, 10}}), (Tensors{{6, 8}, {4.5, -8}, {3, 40}}));
}

TEST(Golden, ResultThatDoesNotVaryHasZeroDerivative) {
  Program program(R"(
func.func @f(%x: tensor<f64>, %y: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %0 = weir.floor %x : tensor<f64>
  %1 = weir.exp %y : tensor<f64>
  return %0, %1 : tensor<f64>, tensor<f64>
})");
  std::string jvp = program.addJvp("f"), vjp = program.addVjp("f", {0});
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.run(jvp, {{1.5}, {0}, {1}, {3}}), (Tensors{{1}, {1}, {0}, {3}}));
  EXPECT_EQ(program.run(vjp, {{1.5}, {0}, {1}, {3}}), (Tensors{{1}, {1}, {0}}));
}

TEST(Golden, RecursionIsError) {
  Program program(R"(
func.func @g(%x: tensor<f64>) -> tensor<f64> {
  %0 = weir.call @g(%x) : (tensor<f64>) -> tensor<f64>
  return %0 : tensor<f64>
})");
  EXPECT_FALSE(program.resolve());
  EXPECT_NE(program.message.find("calls itself"), std::string::npos) << program.message;
}

} // namespace
} // namespace weir::autodiff
