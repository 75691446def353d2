// Jacobians, Hessians and what passes through derivatives unchanged. features: A2 A7 A9
#include "frontend/api/jacobian.h"
#include "frontend/weir.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

Array vector(const std::vector<double> &values) {
  return Array::from<double>({static_cast<int64_t>(values.size())}, values);
}

void expectNear(const Array &got, const Shape &shape, const std::vector<double> &expected) {
  EXPECT_EQ(got.dims(), shape);
  EXPECT_THAT(got.toDoubles(), Pointwise(DoubleNear(1e-12), expected));
}

/// [2] -> [3]
Tensor curve(Tensor x) {
  Tensor a = sliceDim(x, 0, 0, 1), b = sliceDim(x, 0, 1, 2);
  return concatenate({a * b, sin(a), exp(b)}, 0);
}

/// Rosenbrock's function of two variables.
Tensor valley(Tensor x) {
  Tensor a = sliceDim(x, 0, 0, 1), b = sliceDim(x, 0, 1, 2);
  return sum(square(1 - a) + 100 * square(b - square(a)));
}

TEST(Jacobian, IsTheSameByColumnsAndByRows) {
  Graph g;
  Tensor x = g.constant(vector({0.5, 2}));
  g.output("forward", jacobian(curve, 0, JacobianMode::Forward)(x));
  g.output("reverse", jacobian(curve)(x));
  Fetched out = g.compile().run();
  const std::vector<double> expected{2, 0.5, std::cos(0.5), 0, 0, std::exp(2.0)};
  expectNear(out["forward"], {3, 2}, expected);
  expectNear(out["reverse"], {3, 2}, expected);
}

TEST(Jacobian, HasTheDimsOfResultAndArgument) {
  Graph g;
  Tensor a = g.constant(Array::from<double>({2, 2}, {1, 2, 3, 4})), b = g.constant(vector({5, 6}));
  auto product = [](Tensor a, Tensor b) { return matmul(a, b); };
  g.output("da", jacobian(product, 0, JacobianMode::Forward)(a, b));
  g.output("db", jacobian(product, 1)(a, b));
  Fetched out = g.compile().run();
  expectNear(out["da"], {2, 2, 2}, {5, 6, 0, 0, 0, 0, 5, 6});
  expectNear(out["db"], {2, 2}, {1, 2, 3, 4});
}

TEST(Jacobian, HessianAndItsProductWithAVector) {
  Graph g;
  Tensor x = g.constant(vector({-1.2, 1})), v = g.constant(vector({3, -2}));
  g.output("hessian", hessian(valley)(x));
  g.output("product", hessianVectorProduct(valley)(x, v));
  Fetched out = g.compile().run();
  const double xx = 2 - 400 * (1 - 3 * 1.44), xy = 480, yy = 200;
  expectNear(out["hessian"], {2, 2}, {xx, xy, xy, yy});
  expectNear(out["product"], {2}, {3 * xx - 2 * xy, 3 * xy - 2 * yy});
}

TEST(Jacobian, OfTheGradientIsTheHessianInBothModes) {
  Graph g;
  Tensor x = g.constant(vector({0.3, -0.7}));
  g.output("forward", jacobian(grad(valley), 0, JacobianMode::Forward)(x));
  g.output("reverse", jacobian(grad(valley))(x));
  g.output("hessian", hessian(valley)(x));
  Fetched out = g.compile().run();
  expectNear(out["forward"], {2, 2}, out["hessian"].toDoubles());
  expectNear(out["reverse"], {2, 2}, out["hessian"].toDoubles());
}

TEST(Jacobian, CanBeDifferentiated) {
  Graph g;
  // The trace of the Hessian of sum x^4 is 12 sum x^2; its gradient 24 x.
  auto quartic = [](Tensor x) { return sum(square(square(x))); };
  auto trace = [&](Tensor x) {
    Tensor h = hessian(quartic)(x);
    return sum(h * convert(x.graph().iota(i32, {2, 2}, 0) == x.graph().iota(i32, {2, 2}, 1), f64));
  };
  g.output("gradient", grad(trace)(g.constant(vector({0.5, -2}))));
  expectNear(g.compile().run()["gradient"], {2}, {12, -48});
}

TEST(Derivatives, IntegersAndTruthPassThrough) {
  Graph g;
  Tensor table = g.constant(vector({1, 2, 3})), on = g.constant(Array::scalar<bool>(true)),
         rows = g.constant(Array::from<int32_t>({2}, {2, 0}));
  // Picks rows, and says how many.
  auto f = [](Tensor table, Tensor rows, Tensor on) {
    Tensor picked = square(take(table, rows));
    return TensorList{select(on, picked, -picked), reduceSum(rows), logicalNot(on)};
  };
  Results forward = jvp(Function(f, "f"))(table, rows, on, onesLike(table));
  ASSERT_EQ(forward.size(), 4u); // three results, and one tangent: of the float
  g.output("count", forward[1]);
  g.output("off", forward[2]);
  g.output("tangent", forward[3]);
  Results backward = vjp(Function(f, "f"))(table, rows, on, g.constant(vector({1, 10})));
  ASSERT_EQ(backward.size(), 4u);
  g.output("cotangent", backward[3]);
  Fetched out = g.compile().run();
  EXPECT_EQ(out.scalar("count"), 2);
  EXPECT_EQ(out.scalar("off"), 0);
  expectNear(out["tangent"], {2}, {6, 2});
  expectNear(out["cotangent"], {3}, {20, 0, 6});
}

/// The message of the Error that `f` throws, which must name the line of this call.
template <typename F> std::string messageOf(F f, Location at = Location::current()) {
  try {
    f();
  } catch (const Error &error) {
    EXPECT_THAT(error.file(), HasSubstr("jacobian_test.cc"));
    EXPECT_EQ(error.line(), at.line());
    return error.message();
  }
  return "";
}

TEST(Derivatives, OfAnIntegerAreAnErrorAtTheUsersLine) {
  Graph g;
  Tensor n = g.input("n", i32, {2}), x = g.input("x", f64, {2});
  auto f = [](Tensor n, Tensor x) { return sum(convert(n, f64) * x); };
  EXPECT_EQ(messageOf([&] { hessian(f)(n, x); }),
            "hessian: argument 0 is i32[2]; only floats have derivatives");
  EXPECT_EQ(messageOf([&] { jacobian(f, 2)(n, x); }),
            "jacobian: wrt names argument 2, but 2 are given");
  EXPECT_EQ(messageOf([&] { jacobian([](Tensor x) { return x < 0; })(x); }),
            "jacobian: fn gives i1[2]; only one float tensor has a Jacobian");
  EXPECT_EQ(messageOf([&] { hessianVectorProduct(f, 1)(n, x, n); }),
            "hessianVectorProduct: the vector is i32[2], but must be like argument 1, f64[2]");
}

} // namespace
} // namespace weir
