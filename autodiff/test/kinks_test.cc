// Derivatives where there is none in the strict sense, or where a formula could divide zero by
// zero: ties, zeros, infinities and nothing at all. features: A1, A7
#include "autodiff/test/check.h"

#include <gtest/gtest.h>
#include <limits>

namespace weir::autodiff {
namespace {

Vector gradient(const std::string &text, const Tensors &arguments, size_t results) {
  Program program(text);
  std::string vjp = program.addVjp("f");
  EXPECT_TRUE(program.resolve()) << program.message;
  Tensors withCotangent = arguments;
  withCotangent.push_back(Vector(results, 1.0));
  Vector all;
  Tensors values = program.run(vjp, withCotangent);
  for (size_t i = 1; i < values.size(); ++i)
    all.insert(all.end(), values[i].begin(), values[i].end());
  return all;
}

TEST(Kinks, TiesShareEvenly) {
  for (std::string op : {"max", "min"}) {
    std::string text = function("%x: tensor<f64>, %y: tensor<f64>",
                                "%r = weir." + op + " %x, %y : tensor<f64>", "tensor<f64>");
    EXPECT_EQ(gradient(text, {{3}, {3}}, 1), (Vector{0.5, 0.5})) << op;
    std::string reduction =
        function("%x: tensor<4xf64>",
                 "%r = weir.reduce_" + op + " %x dims = [0] : (tensor<4xf64>) -> tensor<f64>",
                 "tensor<f64>");
    double other = op == "max" ? 1 : 5;
    EXPECT_EQ(gradient(reduction, {{3, other, 3, other}}, 1), (Vector{0.5, 0, 0.5, 0})) << op;
  }
}

TEST(Kinks, ProductWithZerosIsExact) {
  std::string text = function(
      "%x: tensor<3xf64>", "%r = weir.reduce_prod %x dims = [0] : (tensor<3xf64>) -> tensor<f64>",
      "tensor<f64>");
  EXPECT_EQ(gradient(text, {{2, 0, 5}}, 1), (Vector{0, 10, 0}));
  EXPECT_EQ(gradient(text, {{0, 0, 5}}, 1), (Vector{0, 0, 0}));
  checkDerivatives(text, {{2, 0, 5}});
}

TEST(Kinks, ScatteredProductWithZerosIsExact) {
  std::string text = function(
      "%x: tensor<1xf64>, %u: tensor<3xf64>",
      "%i = weir.constant dense<0> : tensor<3xi32>\n"
      "%r = weir.scatter_mul %x, %i, %u dim = 0 batch_dims = 0 : (tensor<1xf64>, tensor<3xi32>, "
      "tensor<3xf64>) -> tensor<1xf64>",
      "tensor<1xf64>");
  EXPECT_EQ(gradient(text, {{3}, {2, 0, 5}}, 1), (Vector{0, 0, 30, 0}));
  EXPECT_EQ(gradient(text, {{0}, {2, 3, 5}}, 1), (Vector{30, 0, 0, 0}));
  EXPECT_EQ(gradient(text, {{0}, {2, 0, 5}}, 1), (Vector{0, 0, 0, 0}));
  checkDerivatives(text, {{0}, {2, 0, 5}});
}

TEST(Kinks, ScatteredExtremesShareEvenly) {
  std::string text = function(
      "%x: tensor<2xf64>, %u: tensor<3xf64>",
      "%i = weir.constant dense<[0, 0, 1]> : tensor<3xi32>\n"
      "%r = weir.scatter_max %x, %i, %u dim = 0 batch_dims = 0 : (tensor<2xf64>, tensor<3xi32>, "
      "tensor<3xf64>) -> tensor<2xf64>",
      "tensor<2xf64>");
  EXPECT_EQ(gradient(text, {{4, 1}, {4, 4, 0}}, 2), (Vector{1.0 / 3, 1, 1.0 / 3, 1.0 / 3, 0}));
}

TEST(Kinks, CumulativeOpsAtTiesZerosAndInfinity) {
  auto text = [](const std::string &op) {
    return function("%x: tensor<3xf64>",
                    "%r = weir.cumulative_" + op + " %x dim = 0 reverse = false : tensor<3xf64>",
                    "tensor<3xf64>");
  };
  // Of (x0), max(x0, x1) and max(max(x0, x1), x2), all equal.
  EXPECT_EQ(gradient(text("max"), {{2, 2, 2}}, 3), (Vector{1.75, 0.75, 0.5}));
  EXPECT_EQ(gradient(text("prod"), {{2, 0, 5}}, 3), (Vector{1, 12, 0}));
  const double minusInf = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(gradient(text("logsumexp"), {{minusInf, 0, minusInf}}, 3), (Vector{0, 2, 0}));
}

TEST(Kinks, ExtremesOfNothingDoNotDependOnAnything) {
  std::string text = function(
      "%x: tensor<2x0xf64>",
      "%r = weir.reduce_max %x dims = [1] : (tensor<2x0xf64>) -> tensor<2xf64>", "tensor<2xf64>");
  Program program(text);
  std::string jvp = program.addJvp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.run(jvp, {{}, {}})[1], (Vector{0, 0}));
}

TEST(Kinks, PowerAtZero) {
  std::string text = function("%x: tensor<f64>, %y: tensor<f64>",
                              "%r = weir.pow %x, %y : tensor<f64>", "tensor<f64>");
  EXPECT_EQ(gradient(text, {{0}, {2}}, 1), (Vector{0, 0}));
  EXPECT_EQ(gradient(text, {{0}, {1}}, 1), (Vector{1, 0}));
  EXPECT_EQ(gradient(text, {{0}, {0}}, 1), (Vector{0, 0}));
  EXPECT_EQ(gradient(text, {{-2}, {3}}, 1)[0], 12);
}

} // namespace
} // namespace weir::autodiff
