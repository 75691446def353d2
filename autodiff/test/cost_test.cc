// What a derivative costs, in floating-point operations, and that forward and backward passes share
// their values. features: A4, A6
#include "autodiff/test/check.h"

#include <gtest/gtest.h>

namespace weir::autodiff {
namespace {

// Two hidden layers and a squared error.
const char *kMlp = R"(
func.func @f(%x: tensor<32x64xf64>, %y: tensor<32x10xf64>, %w1: tensor<64x128xf64>, %b1: tensor<128xf64>, %w2: tensor<128x128xf64>, %b2: tensor<128xf64>, %w3: tensor<128x10xf64>) -> tensor<f64> {
  %0 = weir.dot %x, %w1 batch = [] x [] contract = [1] x [0] : (tensor<32x64xf64>, tensor<64x128xf64>) -> tensor<32x128xf64>
  %1 = weir.broadcast %b1 shape = [32, 128] dims = [1] : (tensor<128xf64>) -> tensor<32x128xf64>
  %2 = weir.add %0, %1 : tensor<32x128xf64>
  %3 = weir.tanh %2 : tensor<32x128xf64>
  %4 = weir.dot %3, %w2 batch = [] x [] contract = [1] x [0] : (tensor<32x128xf64>, tensor<128x128xf64>) -> tensor<32x128xf64>
  %5 = weir.broadcast %b2 shape = [32, 128] dims = [1] : (tensor<128xf64>) -> tensor<32x128xf64>
  %6 = weir.add %4, %5 : tensor<32x128xf64>
  %7 = weir.tanh %6 : tensor<32x128xf64>
  %8 = weir.dot %7, %w3 batch = [] x [] contract = [1] x [0] : (tensor<32x128xf64>, tensor<128x10xf64>) -> tensor<32x10xf64>
  %9 = weir.sub %8, %y : tensor<32x10xf64>
  %10 = weir.mul %9, %9 : tensor<32x10xf64>
  %11 = weir.reduce_sum %10 dims = [0, 1] : (tensor<32x10xf64>) -> tensor<f64>
  return %11 : tensor<f64>
})";

TEST(Cost, GradientOfMlpIsAtMostFourForwardPasses) {
  Program program(kMlp);
  std::string vjp = program.addVjp("f", {2, 3, 4, 5, 6}),
              jvp = program.addJvp("f", {2, 3, 4, 5, 6});
  int64_t forward = program.flops("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_GT(forward, 2 * 32 * (64 * 128 + 128 * 128 + 128 * 10));
  EXPECT_LE(program.flops(vjp), 4 * forward);
  EXPECT_LE(program.flops(jvp), 4 * forward);
}

TEST(Cost, ForwardOpsAreNotRepeated) {
  Program program(kMlp);
  program.addVjp("f", {2, 3, 4, 5, 6});
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.countOps("f.vjp", "weir.tanh"), 2);
  // Three forward; of the five backward, x needs none.
  EXPECT_EQ(program.countOps("f.vjp", "weir.dot"), 8);
}

TEST(Cost, HessianVectorProductOfMlpIsAFewGradients) {
  Program program(kMlp);
  std::string vjp = program.addVjp("f", {4}), hvp = program.addJvp(vjp, {4});
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_LE(program.flops(hvp), 3 * program.flops(vjp));
}

// features: A7: second order on an MLP, in every mix of modes.
TEST(SecondOrder, OfMlp) {
  const char *text = R"(
func.func @f(%x: tensor<3x4xf64>, %w1: tensor<4x5xf64>, %b1: tensor<5xf64>, %w2: tensor<5x2xf64>) -> tensor<f64> {
  %0 = weir.dot %x, %w1 batch = [] x [] contract = [1] x [0] : (tensor<3x4xf64>, tensor<4x5xf64>) -> tensor<3x5xf64>
  %1 = weir.broadcast %b1 shape = [3, 5] dims = [1] : (tensor<5xf64>) -> tensor<3x5xf64>
  %2 = weir.add %0, %1 : tensor<3x5xf64>
  %3 = weir.tanh %2 : tensor<3x5xf64>
  %4 = weir.dot %3, %w2 batch = [] x [] contract = [1] x [0] : (tensor<3x5xf64>, tensor<5x2xf64>) -> tensor<3x2xf64>
  %m = weir.reduce_max %4 dims = [1] : (tensor<3x2xf64>) -> tensor<3xf64>
  %5 = weir.broadcast %m shape = [3, 2] dims = [0] : (tensor<3xf64>) -> tensor<3x2xf64>
  %6 = weir.sub %4, %5 : tensor<3x2xf64>
  %7 = weir.exp %6 : tensor<3x2xf64>
  %8 = weir.reduce_sum %7 dims = [1] : (tensor<3x2xf64>) -> tensor<3xf64>
  %9 = weir.log %8 : tensor<3xf64>
  %10 = weir.add %9, %m : tensor<3xf64>
  %11 = weir.reduce_sum %10 dims = [0] : (tensor<3xf64>) -> tensor<f64>
  return %11 : tensor<f64>
})";
  checkDerivatives(
      text, {randomVector(12, 1), randomVector(20, 2), randomVector(5, 3), randomVector(10, 4)});
}

} // namespace
} // namespace weir::autodiff
