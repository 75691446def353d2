// A row for every op that has a derivative: JVP against central differences, VJP by transposition,
// second order in every mix, and, for elementwise ops, JVP against dual numbers. Points keep away
// from kinks, which kinks_test.cc looks at. features: A1, A3, A4, A7
#include "autodiff/oracles/central_differences.h"
#include "autodiff/oracles/dual.h"
#include "autodiff/test/check.h"
#include "autodiff/transforms/passes.h"
#include "ir/dialect/weir.h"

#include <gtest/gtest.h>

namespace weir::autodiff {
namespace {

// ---- Elementwise: the formula on dual numbers beside the op ----

using DualFunction = std::function<Dual<double>(const std::vector<Dual<double>> &)>;

struct ElementwiseRow {
  const char *op;
  unsigned operands;
  DualFunction formula;
  double low, high;
};

/// The root of erf(y) = x by Newton's method, which is one formula for values and tangents.
Dual<double> erfInverse(Dual<double> x) {
  Dual<double> y = x;
  for (int step = 0; step < 40; ++step)
    y -= (erf(y) - x) * exp(y * y) * Dual<double>(0.886226925452758);
  return y;
}

/// Stirling's series after a shift by 20.
Dual<double> logGamma(Dual<double> x) {
  Dual<double> z = x, sum = 0.0;
  for (int k = 0; k < 20; ++k, z += 1.0) sum -= log(z);
  Dual<double> r = Dual<double>(1.0) / z, r2 = r * r;
  return sum + (z - 0.5) * log(z) - z + 0.9189385332046727 +
         r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 * (1.0 / 1680))));
}

/// Its derivative, term by term.
Dual<double> logGammaSlope(Dual<double> x) {
  Dual<double> z = x, sum = 0.0;
  for (int k = 0; k < 20; ++k, z += 1.0) sum -= Dual<double>(1.0) / z;
  Dual<double> r = Dual<double>(1.0) / z, r2 = r * r;
  return sum + log(z) - r * 0.5 -
         r2 * (1.0 / 12 - r2 * (1.0 / 120 - r2 * (1.0 / 252 - r2 * (1.0 / 240))));
}

#define UNARY(op, formula, low, high)                                                              \
  ElementwiseRow {                                                                                 \
    op, 1,                                                                                         \
        [](const auto &v) {                                                                        \
          auto x = v[0];                                                                           \
          return formula;                                                                          \
        },                                                                                         \
        low, high                                                                                  \
  }
#define BINARY(op, formula, low, high)                                                             \
  ElementwiseRow {                                                                                 \
    op, 2,                                                                                         \
        [](const auto &v) {                                                                        \
          auto x = v[0], y = v[1];                                                                 \
          return formula;                                                                          \
        },                                                                                         \
        low, high                                                                                  \
  }

const std::vector<ElementwiseRow> kElementwise = {
    UNARY("abs", abs(x), -2, -0.1),
    UNARY("neg", -x, -2, 2),
    UNARY("exp", exp(x), -2, 2),
    UNARY("expm1", expm1(x), -2, 2),
    UNARY("log", log(x), 0.2, 3),
    UNARY("log1p", log1p(x), -0.5, 3),
    UNARY("sqrt", sqrt(x), 0.2, 3),
    UNARY("rsqrt", Dual<double>(1.0) / sqrt(x), 0.2, 3),
    UNARY("cbrt", cbrt(x), 0.2, 3),
    UNARY("tanh", tanh(x), -2, 2),
    UNARY("logistic", Dual<double>(1.0) / (Dual<double>(1.0) + exp(-x)), -3, 3),
    UNARY("sin", sin(x), -3, 3),
    UNARY("cos", cos(x), -3, 3),
    UNARY("tan", tan(x), -1.2, 1.2),
    UNARY("erf", erf(x), -2, 2),
    UNARY("erfc", Dual<double>(1.0) - erf(x), -1, 1),
    UNARY("erf_inv", erfInverse(x), -0.8, 0.8),
    UNARY("lgamma", logGamma(x), 2.2, 5),
    UNARY("digamma", logGammaSlope(x), 2, 5),
    BINARY("add", x + y, -2, 2),
    BINARY("sub", x - y, -2, 2),
    BINARY("mul", x *y, -2, 2),
    BINARY("div", x / y, 0.5, 2),
    BINARY("rem", fmod(x, y), 1.1, 1.9),
    BINARY("pow", pow(x, y), 0.5, 2),
    BINARY("max", fmax(x, y), -2, 2),
    BINARY("min", fmin(x, y), -2, 2),
    BINARY("atan2", atan2(x, y), 0.3, 2),
};

std::string elementwiseText(const ElementwiseRow &row) {
  const std::string type = "tensor<5xf64>";
  if (row.operands == 1)
    return function("%x: " + type, std::string("%r = weir.") + row.op + " %x : " + type, type);
  return function("%x: " + type + ", %y: " + type,
                  std::string("%r = weir.") + row.op + " %x, %y : " + type, type);
}

class Elementwise : public testing::TestWithParam<ElementwiseRow> {};
INSTANTIATE_TEST_SUITE_P(Ops, Elementwise, testing::ValuesIn(kElementwise),
                         [](const auto &info) { return std::string(info.param.op); });

Tensors elementwisePoint(const ElementwiseRow &row) {
  Tensors point;
  for (unsigned i = 0; i < row.operands; ++i)
    point.push_back(randomVector(5, 10 + i, row.low, row.high));
  return point;
}

TEST_P(Elementwise, AllOrders) {
  checkDerivatives(elementwiseText(GetParam()), elementwisePoint(GetParam()));
}

TEST_P(Elementwise, AgreesWithDualNumbers) {
  const ElementwiseRow &row = GetParam();
  Program program(elementwiseText(row));
  std::string jvp = program.addJvp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  Tensors point = elementwisePoint(row), arguments = point;
  for (unsigned i = 0; i < row.operands; ++i) arguments.push_back(randomVector(5, 20 + i));
  Vector values, tangents;
  for (size_t e = 0; e < 5; ++e) {
    std::vector<Dual<double>> x;
    for (unsigned i = 0; i < row.operands; ++i)
      x.push_back({point[i][e], arguments[row.operands + i][e]});
    Dual<double> y = row.formula(x);
    values.push_back(y.value);
    tangents.push_back(y.tangent);
  }
  Tensors results = program.run(jvp, arguments);
  EXPECT_LE(relativeError(results[0], values), 1e-12);
  EXPECT_LE(relativeError(results[1], tangents), 1e-12);
}

// ---- The others ----

struct Row {
  const char *name, *arguments, *body, *type;
  Tensors integers = {}; ///< values of trailing integer arguments; floating-point ones are random
};

const std::vector<Row> kRows = {
    {"convert", "%x: tensor<3xf64>",
     "%0 = weir.convert %x to f32 : (tensor<3xf64>) -> tensor<3xf32>\n"
     "%r = weir.convert %0 to f64 : (tensor<3xf32>) -> tensor<3xf64>",
     "tensor<3xf64>"},
    {"select",
     "%x: tensor<4xf64>, %y: tensor<4xf64>, %p: tensor<4xi1>",
     "%r = weir.select %p, %x, %y : (tensor<4xi1>, tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>",
     "tensor<4xf64>",
     {{1, 0, 0, 1}}},
    {"select_of_one",
     "%x: tensor<4xf64>, %p: tensor<4xi1>",
     "%c = weir.constant dense<3.0> : tensor<4xf64>\n"
     "%r = weir.select %p, %c, %x : (tensor<4xi1>, tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>",
     "tensor<4xf64>",
     {{1, 0, 0, 1}}},
    {"zeta", "%q: tensor<3xf64>",
     "%c = weir.constant dense<[1.5, 2.0, 7.25]> : tensor<3xf64>\n"
     "%one = weir.constant dense<1.5> : tensor<3xf64>\n"
     "%p = weir.add %q, %one : tensor<3xf64>\n"
     "%r = weir.zeta %c, %p : tensor<3xf64>",
     "tensor<3xf64>"},
    {"broadcast", "%x: tensor<3xf64>",
     "%r = weir.broadcast %x shape = [2, 3, 4] dims = [1] : (tensor<3xf64>) -> tensor<2x3x4xf64>",
     "tensor<2x3x4xf64>"},
    {"broadcast_nothing", "%x: tensor<3xf64>",
     "%r = weir.broadcast %x shape = [3] dims = [0] : (tensor<3xf64>) -> tensor<3xf64>",
     "tensor<3xf64>"},
    {"reshape", "%x: tensor<2x6xf64>",
     "%r = weir.reshape %x shape = [3, 4] : (tensor<2x6xf64>) -> tensor<3x4xf64>",
     "tensor<3x4xf64>"},
    {"transpose", "%x: tensor<2x3x4xf64>",
     "%r = weir.transpose %x permutation = [2, 0, 1] : (tensor<2x3x4xf64>) -> tensor<4x2x3xf64>",
     "tensor<4x2x3xf64>"},
    {"slice", "%x: tensor<7x5xf64>",
     "%r = weir.slice %x starts = [1, 0] limits = [6, 5] strides = [2, 3] : (tensor<7x5xf64>) -> "
     "tensor<3x2xf64>",
     "tensor<3x2xf64>"},
    {"pad", "%x: tensor<2x3xf64>, %v: tensor<f64>",
     "%r = weir.pad %x, %v low = [1, 0] high = [0, 2] interior = [2, 1] : (tensor<2x3xf64>, "
     "tensor<f64>) -> "
     "tensor<5x7xf64>",
     "tensor<5x7xf64>"},
    {"concatenate", "%x: tensor<2x3xf64>, %y: tensor<2x1xf64>",
     "%r = weir.concatenate %x, %y, %x dim = 1 : (tensor<2x3xf64>, tensor<2x1xf64>, "
     "tensor<2x3xf64>) -> "
     "tensor<2x7xf64>",
     "tensor<2x7xf64>"},
    {"reverse", "%x: tensor<2x3xf64>",
     "%r = weir.reverse %x dims = [1] : (tensor<2x3xf64>) -> tensor<2x3xf64>", "tensor<2x3xf64>"},
    {"reduce_sum", "%x: tensor<2x3x4xf64>",
     "%r = weir.reduce_sum %x dims = [0, 2] : (tensor<2x3x4xf64>) -> tensor<3xf64>",
     "tensor<3xf64>"},
    {"reduce_max", "%x: tensor<2x3x4xf64>",
     "%r = weir.reduce_max %x dims = [0, 2] : (tensor<2x3x4xf64>) -> tensor<3xf64>",
     "tensor<3xf64>"},
    {"reduce_min", "%x: tensor<2x3xf64>",
     "%r = weir.reduce_min %x dims = [1] : (tensor<2x3xf64>) -> tensor<2xf64>", "tensor<2xf64>"},
    {"reduce_prod", "%x: tensor<2x3x5xf64>",
     "%r = weir.reduce_prod %x dims = [1, 2] : (tensor<2x3x5xf64>) -> tensor<2xf64>",
     "tensor<2xf64>"},
    {"reduce_prod_of_leading", "%x: tensor<7x2xf64>",
     "%r = weir.reduce_prod %x dims = [0] : (tensor<7x2xf64>) -> tensor<2xf64>", "tensor<2xf64>"},
    {"dot", "%x: tensor<2x3xf64>, %y: tensor<3x4xf64>",
     "%r = weir.dot %x, %y batch = [] x [] contract = [1] x [0] : (tensor<2x3xf64>, "
     "tensor<3x4xf64>) -> "
     "tensor<2x4xf64>",
     "tensor<2x4xf64>"},
    {"dot_of_transposed", "%x: tensor<3x2xf64>, %y: tensor<4x3xf64>",
     "%r = weir.dot %x, %y batch = [] x [] contract = [0] x [1] : (tensor<3x2xf64>, "
     "tensor<4x3xf64>) -> "
     "tensor<2x4xf64>",
     "tensor<2x4xf64>"},
    {"dot_with_batch_and_mixed_dims", "%x: tensor<3x2x5x4xf64>, %y: tensor<5x4x2x3x6xf64>",
     "%r = weir.dot %x, %y batch = [1] x [2] contract = [3, 2] x [1, 0] : (tensor<3x2x5x4xf64>, "
     "tensor<5x4x2x3x6xf64>) -> tensor<2x3x3x6xf64>",
     "tensor<2x3x3x6xf64>"},
    {"dot_outer", "%x: tensor<2xf64>, %y: tensor<3xf64>",
     "%r = weir.dot %x, %y batch = [] x [] contract = [] x [] : (tensor<2xf64>, tensor<3xf64>) -> "
     "tensor<2x3xf64>",
     "tensor<2x3xf64>"},
    {"dot_with_itself", "%x: tensor<3x3xf64>",
     "%r = weir.dot %x, %x batch = [] x [] contract = [1] x [0] : (tensor<3x3xf64>, "
     "tensor<3x3xf64>) -> "
     "tensor<3x3xf64>",
     "tensor<3x3xf64>"},
    {"gather",
     "%x: tensor<5x2xf64>, %i: tensor<3x2xi32>",
     "%r = weir.gather %x, %i dim = 0 batch_dims = 0 : (tensor<5x2xf64>, tensor<3x2xi32>) -> "
     "tensor<3x2x2xf64>",
     "tensor<3x2x2xf64>",
     {{0, 4, 4, 2, -3, 17}}},
    {"gather_with_batch",
     "%x: tensor<2x3x4xf64>, %i: tensor<2x5xi64>",
     "%r = weir.gather %x, %i dim = 2 batch_dims = 1 : (tensor<2x3x4xf64>, tensor<2x5xi64>) -> "
     "tensor<2x3x5xf64>",
     "tensor<2x3x5xf64>",
     {{0, 1, 2, 3, 3, 1, 1, 9, -1, 0}}},
    {"scatter_add",
     "%x: tensor<2x5xf64>, %u: tensor<2x4xf64>, %i: tensor<4xi32>",
     "%r = weir.scatter_add %x, %i, %u dim = 1 batch_dims = 0 : (tensor<2x5xf64>, tensor<4xi32>, "
     "tensor<2x4xf64>) -> "
     "tensor<2x5xf64>",
     "tensor<2x5xf64>",
     {{1, 1, 7, -2}}},
    {"scatter_add_with_batch",
     "%x: tensor<2x3x4xf64>, %u: tensor<2x3x5xf64>, %i: tensor<2x5xi32>",
     "%r = weir.scatter_add %x, %i, %u dim = 2 batch_dims = 1 : (tensor<2x3x4xf64>, "
     "tensor<2x5xi32>, "
     "tensor<2x3x5xf64>) -> tensor<2x3x4xf64>",
     "tensor<2x3x4xf64>",
     {{0, 1, 2, 3, 3, 1, 1, 9, -1, 0}}},
    {"scatter_mul",
     "%x: tensor<2x5xf64>, %u: tensor<2x6xf64>, %i: tensor<6xi32>",
     "%r = weir.scatter_mul %x, %i, %u dim = 1 batch_dims = 0 : (tensor<2x5xf64>, tensor<6xi32>, "
     "tensor<2x6xf64>) -> tensor<2x5xf64>",
     "tensor<2x5xf64>",
     {{1, 3, 1, 7, -2, 1}}},
    {"scatter_mul_with_batch",
     "%x: tensor<2x3x4xf64>, %u: tensor<2x3x5x1xf64>, %i: tensor<2x5x1xi64>",
     "%r = weir.scatter_mul %x, %i, %u dim = 2 batch_dims = 1 : (tensor<2x3x4xf64>, "
     "tensor<2x5x1xi64>, tensor<2x3x5x1xf64>) -> tensor<2x3x4xf64>",
     "tensor<2x3x4xf64>",
     {{0, 1, 2, 3, 3, 1, 1, 9, -1, 0}}},
    {"scatter_max",
     "%x: tensor<2x5xf64>, %u: tensor<2x4xf64>, %i: tensor<4xi32>",
     "%r = weir.scatter_max %x, %i, %u dim = 1 batch_dims = 0 : (tensor<2x5xf64>, tensor<4xi32>, "
     "tensor<2x4xf64>) -> tensor<2x5xf64>",
     "tensor<2x5xf64>",
     {{1, 1, 7, -2}}},
    {"scatter_min_with_batch",
     "%x: tensor<2x3x4xf64>, %u: tensor<2x3x5xf64>, %i: tensor<2x5xi32>",
     "%r = weir.scatter_min %x, %i, %u dim = 2 batch_dims = 1 : (tensor<2x3x4xf64>, "
     "tensor<2x5xi32>, tensor<2x3x5xf64>) -> tensor<2x3x4xf64>",
     "tensor<2x3x4xf64>",
     {{0, 1, 2, 3, 3, 1, 1, 9, -1, 0}}},
    {"scatter_set",
     "%x: tensor<5x2xf64>, %u: tensor<2x3x2xf64>, %i: tensor<2x3xi32>",
     "%r = weir.scatter_set %x, %i, %u dim = 0 batch_dims = 0 : (tensor<5x2xf64>, "
     "tensor<2x3xi32>, tensor<2x3x2xf64>) -> tensor<5x2xf64>",
     "tensor<5x2xf64>",
     {{1, 1, 7, 3, -2, 1}}},
    {"scatter_set_with_batch",
     "%x: tensor<2x3x4xf64>, %u: tensor<2x3x5xf64>, %i: tensor<2x5xi32>",
     "%r = weir.scatter_set %x, %i, %u dim = 2 batch_dims = 1 : (tensor<2x3x4xf64>, "
     "tensor<2x5xi32>, tensor<2x3x5xf64>) -> tensor<2x3x4xf64>",
     "tensor<2x3x4xf64>",
     {{0, 1, 2, 3, 3, 1, 1, 9, -1, 0}}},
    {"convolution", "%x: tensor<2x2x3x5x4xf64>, %w: tensor<2x2x3x3x2xf64>",
     "%r = weir.convolution %x, %w strides = [2, 1] low = [1, -1] high = [2, 1] lhs_dilation = [1, "
     "2] rhs_dilation = [2, 3] : (tensor<2x2x3x5x4xf64>, tensor<2x2x3x3x2xf64>) -> "
     "tensor<2x2x2x2x4xf64>",
     "tensor<2x2x2x2x4xf64>"},
    {"convolution_without_space", "%x: tensor<2x2x3xf64>, %w: tensor<2x4x3xf64>",
     "%r = weir.convolution %x, %w strides = [] low = [] high = [] lhs_dilation = [] rhs_dilation "
     "= [] : (tensor<2x2x3xf64>, tensor<2x4x3xf64>) -> tensor<2x2x4xf64>",
     "tensor<2x2x4xf64>"},
    {"convolution_that_does_not_fit", "%x: tensor<1x1x1x2xf64>, %w: tensor<1x1x1x3xf64>",
     "%r = weir.convolution %x, %w strides = [1] low = [0] high = [0] lhs_dilation = [1] "
     "rhs_dilation = [1] : (tensor<1x1x1x2xf64>, tensor<1x1x1x3xf64>) -> tensor<1x1x1x0xf64>",
     "tensor<1x1x1x0xf64>"},
    {"unfold", "%x: tensor<7x2x5xf64>, %v: tensor<f64>",
     "%r = weir.unfold %x, %v dims = [2, 0] window = [2, 3] strides = [1, 3] dilations = [2, 1] "
     "low = [1, -1] high = [0, 2] : (tensor<7x2x5xf64>, tensor<f64>) -> tensor<2x2x4x2x3xf64>",
     "tensor<2x2x4x2x3xf64>"},
    {"fold", "%x: tensor<3x2x4x2x3xf64>",
     "%r = weir.fold %x dims = [2, 0] sizes = [5, 7] strides = [1, 3] dilations = [2, 1] low = [1, "
     "-1] : (tensor<3x2x4x2x3xf64>) -> tensor<7x2x5xf64>",
     "tensor<7x2x5xf64>"},
    {"cumulative_sum", "%x: tensor<2x4x3xf64>",
     "%r = weir.cumulative_sum %x dim = 1 reverse = false : tensor<2x4x3xf64>",
     "tensor<2x4x3xf64>"},
    {"cumulative_prod", "%x: tensor<2x4x3xf64>",
     "%r = weir.cumulative_prod %x dim = 1 reverse = true : tensor<2x4x3xf64>",
     "tensor<2x4x3xf64>"},
    {"cumulative_max", "%x: tensor<2x7xf64>",
     "%r = weir.cumulative_max %x dim = 1 reverse = false : tensor<2x7xf64>", "tensor<2x7xf64>"},
    {"cumulative_min", "%x: tensor<7x2xf64>",
     "%r = weir.cumulative_min %x dim = 0 reverse = true : tensor<7x2xf64>", "tensor<7x2xf64>"},
    {"cumulative_logsumexp", "%x: tensor<2x5xf64>",
     "%r = weir.cumulative_logsumexp %x dim = 1 reverse = true : tensor<2x5xf64>",
     "tensor<2x5xf64>"},
    {"linear_recurrence", "%a: tensor<2x4x3xf64>, %b: tensor<2x4x3xf64>",
     "%r = weir.linear_recurrence %a, %b dim = 1 reverse = false : tensor<2x4x3xf64>",
     "tensor<2x4x3xf64>"},
    {"linear_recurrence_from_the_end", "%a: tensor<5xf64>, %b: tensor<5xf64>",
     "%r = weir.linear_recurrence %a, %b dim = 0 reverse = true : tensor<5xf64>", "tensor<5xf64>"},
    {"linear_recurrence_of_nothing", "%a: tensor<0x2xf64>, %b: tensor<0x2xf64>",
     "%r = weir.linear_recurrence %a, %b dim = 0 reverse = true : tensor<0x2xf64>",
     "tensor<0x2xf64>"},
    {"sort", "%x: tensor<2x5x3xf64>",
     "%c = weir.constant dense<[0.0, 7.5, 2.5, 10.0, 5.0]> : tensor<5xf64>\n"
     "%b = weir.broadcast %c shape = [2, 5, 3] dims = [1] : (tensor<5xf64>) -> tensor<2x5x3xf64>\n"
     "%apart = weir.add %x, %b : tensor<2x5x3xf64>\n"
     "%r = weir.sort %apart dim = 1 keys = 1 descending = true : tensor<2x5x3xf64>",
     "tensor<2x5x3xf64>"},
    {"sort_by_two_keys",
     "%x: tensor<2x5xf64>, %y: tensor<2x5xf64>, %i: tensor<2x5xi32>",
     "%sorted:3 = weir.sort %i, %x, %y dim = 1 keys = 2 descending = false : tensor<2x5xi32>, "
     "tensor<2x5xf64>, tensor<2x5xf64>\n"
     "%r = weir.mul %sorted#1, %sorted#2 : tensor<2x5xf64>",
     "tensor<2x5xf64>",
     {{1, 0, 1, 0, 2, 3, 3, 3, 3, 3}}},
    {"dynamic_slice",
     "%x: tensor<5x4xf64>, %i: tensor<i32>, %j: tensor<i32>",
     "%r = weir.dynamic_slice %x, %i, %j sizes = [2, 3] : (tensor<5x4xf64>, tensor<i32>, "
     "tensor<i32>) -> "
     "tensor<2x3xf64>",
     "tensor<2x3xf64>",
     {{2}, {9}}},
    {"dynamic_update_slice",
     "%x: tensor<5x4xf64>, %u: tensor<2x3xf64>, %i: tensor<i64>, %j: tensor<i64>",
     "%r = weir.dynamic_update_slice %x, %u, %i, %j : (tensor<5x4xf64>, tensor<2x3xf64>, "
     "tensor<i64>, tensor<i64>) -> "
     "tensor<5x4xf64>",
     "tensor<5x4xf64>",
     {{2}, {9}}},
    {"barrier",
     "%x: tensor<3xf64>, %y: tensor<3xf64>, %i: tensor<3xi32>",
     "%a, %b, %c = weir.barrier %x, %y, %i : tensor<3xf64>, tensor<3xf64>, tensor<3xi32> -> "
     "tensor<3xf64>, "
     "tensor<3xf64>, tensor<3xi32>\n%r = weir.mul %a, %b : tensor<3xf64>",
     "tensor<3xf64>",
     {{1, 2, 3}}},
    {"empty", "%x: tensor<0x3xf64>",
     "%r = weir.slice %x starts = [0, 1] limits = [0, 3] strides = [1, 1] : (tensor<0x3xf64>) -> "
     "tensor<0x2xf64>",
     "tensor<0x2xf64>"},
};

/// The function of a row followed by sin(r) * r, so that second derivatives of linear ops are not
/// all zero.
std::string rowText(const Row &row) {
  std::string body = row.body, type = row.type;
  body.replace(body.rfind("%r ="), 4, "%op =");
  body += "\n  %s = weir.sin %op : " + type + "\n  %r = weir.mul %s, %op : " + type;
  return function(row.arguments, body, type);
}

class Structured : public testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(Ops, Structured, testing::ValuesIn(kRows),
                         [](const auto &info) { return std::string(info.param.name); });

TEST_P(Structured, AllOrders) {
  std::string text = rowText(GetParam());
  Program program(text);
  std::vector<bool> isFloat = program.floatArguments("f");
  Tensors arguments;
  auto integers = GetParam().integers.begin();
  for (size_t i = 0; i < isFloat.size(); ++i)
    arguments.push_back(isFloat[i] ? randomVector(program.elementsOfArgument("f", i), 30 + i)
                                   : *integers++);
  checkDerivatives(text, arguments);
}

// ---- Completeness ----

TEST(Table, HasEveryOpThatHasADerivative) {
  std::string all;
  for (const ElementwiseRow &row : kElementwise) all += elementwiseText(row);
  for (const Row &row : kRows) all += row.body;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::WeirDialect>();
  for (mlir::RegisteredOperationName name : context.getRegisteredOperations()) {
    auto *declared = name.getInterface<ir::WeirOp>();
    if (!declared || declared->derivativeClass().kind == ir::Derivative::Zero) continue;
    if (declared->family() == ir::Family::Control || declared->family() == ir::Family::Autodiff ||
        name.getStringRef() == "weir.launch")
      continue;
    EXPECT_NE(all.find(name.getStringRef().str() + " "), std::string::npos)
        << name.getStringRef().str() << ": add a row to autodiff/test/op_table_test.cc";
  }
}

} // namespace
} // namespace weir::autodiff
