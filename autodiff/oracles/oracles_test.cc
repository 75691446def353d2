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
        std::erfc, std::fmax, std::fmin, std::fmod, std::lgamma, std::log, std::log1p, std::pow,
        std::sin, std::sinh, std::sqrt, std::tan, std::tanh;
    T x = v[0], y = v[1];
    return {x + y,
            x - y,
            x * y,
            x / y,
            -x,
            exp(x),
            expm1(x),
            log(x),
            log1p(x),
            sqrt(x),
            cbrt(x),
            sin(x),
            cos(x),
            tan(x),
            tanh(x),
            cosh(x),
            sinh(x),
            erf(x),
            abs(-x),
            pow(x, y),
            atan2(x, y),
            fmod(y, x),
            fmax(x, y),
            fmin(x, y),
            erfc(x),
            erfInv(x),
            lgamma(x),
            digamma(x),
            zeta(T(2.5), x) * 1e-2,
            exp(sin(x) * y) / (x * x + y)};
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

TEST(Oracles, SpecialFunctionsHaveTheirKnownValues) {
  const double pi2 = M_PI * M_PI;
  EXPECT_LE(relativeError({digamma(1), digamma(0.5), digamma(-0.5), digamma(10)},
                          {-0.5772156649015329, -1.9635100260214235, 0.03648997397857652,
                           2.2517525890667211}),
            1e-13);
  EXPECT_LE(relativeError({zeta(2, 1), zeta(4, 1), zeta(2, 0.5), zeta(3, 2)},
                          {pi2 / 6, pi2 * pi2 / 90, pi2 / 2, 0.2020569031595943}),
            1e-13);
  EXPECT_LE(relativeError({erfInv(0.5), erfInv(-0.999), erfInv(1e-9), erfInv(0)},
                          {0.4769362762044699, -2.3267537655135246, 8.862269254527581e-10, 0}),
            1e-14);
}

TEST(Oracles, NotANumberIsNeverClose) {
  EXPECT_EQ(relativeError({NAN}, {NAN}), INFINITY);
  EXPECT_EQ(relativeError({1, 2}, {1}), INFINITY);
}

} // namespace
} // namespace weir::autodiff
