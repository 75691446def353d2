// The oracles against each other, and dual numbers of dual numbers against closed forms; no
// compiler is involved. features: A3
#include "autodiff/oracles/central_differences.h"
#include "autodiff/oracles/dual.h"

#include <gtest/gtest.h>

namespace weir::autodiff {
namespace {

/// One value out for each function; x and y lie between 0.3 and 1, x below y.
struct AllFunctions {
  template <typename T> std::vector<T> operator()(const std::vector<T> &v) const {
    using std::abs, std::atan2, std::cbrt, std::cos, std::cosh, std::erf, std::exp, std::expm1,
        std::fmax, std::fmin, std::fmod, std::log, std::log1p, std::pow, std::sin, std::sinh,
        std::sqrt, std::tan, std::tanh;
    T x = v[0], y = v[1];
    return {x + y,       x - y,      x * y,      x / y,      -x,
            exp(x),      expm1(x),   log(x),     log1p(x),   sqrt(x),
            cbrt(x),     sin(x),     cos(x),     tan(x),     tanh(x),
            cosh(x),     sinh(x),    erf(x),     abs(-x),    pow(x, y),
            atan2(x, y), fmod(y, x), fmax(x, y), fmin(x, y), exp(sin(x) * y) / (x * x + y)};
  }
};

TEST(Oracles, DualNumbersAgreeWithCentralDifferences) {
  Vector x = {0.4, 0.9}, direction = {0.7, -0.3};
  EXPECT_LE(relativeError(dualDerivative(AllFunctions(), x, direction),
                          centralDerivative(AllFunctions(), x, direction)),
            1e-9);
}

TEST(Oracles, DualOfDualIsSecondOrder) {
  // The derivative along `direction` of the derivative along `direction`, both ways.
  Vector x = {0.4, 0.9}, direction = {0.7, -0.3};
  auto slope = [&](const Vector &at) { return dualDerivative(AllFunctions(), at, direction); };
  using Second = Dual<Dual<double>>;
  std::vector<Second> in;
  for (int i = 0; i < 2; ++i) in.push_back({{x[i], direction[i]}, {direction[i], 0.0}});
  Vector second;
  for (const Second &y : AllFunctions()(in)) second.push_back(y.tangent.tangent);
  EXPECT_LE(relativeError(second, centralDerivative(slope, x, direction)), 1e-8);
}

TEST(Oracles, GradientOfClassicFunction) {
  auto f = [](const Vector &x) { return std::log(x[0]) + x[0] * x[1] - std::sin(x[1]); };
  EXPECT_LE(relativeError(centralGradient(f, {2, 5}), {5.5, 1.7163378145367738}), 1e-10);
}

TEST(Oracles, NotANumberIsNeverClose) {
  EXPECT_EQ(relativeError({NAN}, {NAN}), INFINITY);
  EXPECT_EQ(relativeError({1, 2}, {1}), INFINITY);
}

} // namespace
} // namespace weir::autodiff
