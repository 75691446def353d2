// erfc, erf_inv, lgamma, digamma, zeta and round against long double, with references that share no
// formula with them where the C library has none.

#include "codegen/cpu/math/kernel_harness.h"
#include "codegen/cpu/math/math.h"

#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>

namespace weir::codegen {
namespace {

constexpr int kPoints = 20'000;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr long double kPi = 3.141592653589793238462643383279502884L;

/// Newton's method on erfc, whose digits near x = 1 are not lost.
long double erfInv(long double x) {
  if (std::abs(x) >= 1) return x * kInf;
  long double a = std::abs(x), y = std::sqrt(-std::log((1 - a) * (1 + a))) * 0.9L;
  for (int i = 0; i < 100; ++i) {
    long double step = (erfcl(y) - (1 - a)) * std::sqrt(kPi) / 2 * expl(y * y);
    y += step / (1 + y * step);
  }
  return std::copysign(a < 1e-9L ? a * std::sqrt(kPi) / 2 : y, x);
}

/// Shifted to 40, where four terms of the series are enough.
long double digamma(long double x) {
  if (x < 0) return digamma(1 - x) - kPi / tanl(kPi * (x - roundl(x)));
  long double sum = 0;
  for (; x < 40; x += 1) sum -= 1 / x;
  long double z = 1 / (x * x);
  return sum + logl(x) - 0.5L / x -
         z * (1 / 12.0L - z * (1 / 120.0L - z * (1 / 252.0L - z * (1 / 240.0L - z / 132.0L))));
}

/// Two hundred terms, then the integral and three terms of its correction.
long double zeta(long double x, long double q) {
  long double sum = 0;
  for (int k = 0; k < 200; ++k, q += 1) sum += powl(q, -x);
  long double p = powl(q, -x), t = x * p / q;
  sum += p * q / (x - 1) + p / 2 + t / 12;
  t *= (x + 1) * (x + 2) / (q * q);
  sum -= t / 720;
  return sum + t * (x + 3) * (x + 4) / (q * q) / 30240;
}

class SpecialFunctions : public ::testing::TestWithParam<const char *> {
protected:
  SpecialFunctions() : harness(*targetForLevel(GetParam())) {}

  template <class T, class... In> std::vector<T> run(const char *op, const In &...in) {
    auto emit = [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange operands) {
      return emitElementwise(b, op, operands, harness.target);
    };
    std::vector<T> wide = harness.run<T>(op, emit, harness.target.lanes(sizeof(T)), in...);
    std::vector<T> scalar = harness.run<T>(op, emit, 0, in...);
    for (size_t i = 0; i < wide.size(); ++i)
      EXPECT_TRUE(wide[i] == scalar[i] || (std::isnan(wide[i]) && std::isnan(scalar[i]))) << op;
    return wide;
  }

  template <class T> std::vector<T> points(double low, double high) {
    std::vector<T> x;
    while (x.size() < kPoints)
      x.push_back(std::uniform_real_distribution<double>(low, high)(random));
    return x;
  }

  /// Magnitudes from 2^low to 2^high.
  template <class T> std::vector<T> magnitudes(double low, double high) {
    std::vector<T> x = points<T>(low, high);
    for (T &v : x) v = std::exp2(v);
    return x;
  }

  /// Errors relative to the value, at least to `least`, in units of T's epsilon.
  template <class T>
  void expectWithin(const char *op, double bound, double least, const std::vector<T> &x,
                    const std::function<long double(long double)> &exact) {
    std::vector<T> y = run<T>(op, x);
    double worst = 0;
    T at = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      long double want = exact(x[i]);
      if (T(want) == y[i] || std::isinf(want)) continue;
      double size =
          std::max<double>({double(std::abs(want)), least, std::numeric_limits<T>::min()});
      double off = double(std::abs(y[i] - want)) / size / std::numeric_limits<T>::epsilon();
      if (!(off <= worst)) worst = off, at = x[i];
    }
    std::printf("%-8s f%d %8.3f eps at %.17g\n", op, int(8 * sizeof(T)), worst, double(at));
    EXPECT_LE(worst, bound) << op << " at " << at;
  }

  template <class T> void expectAccurate(double slack) {
    bool wide = sizeof(T) == 8;
    expectWithin<T>("erfc", slack, 0, points<T>(-6, wide ? 26 : 9), erfcl);
    expectWithin<T>("erf_inv", slack, 0, points<T>(-1, 1), erfInv);
    std::vector<T> nearOne = magnitudes<T>(wide ? -52 : -23, -1);
    for (T &v : nearOne) v = 1 - v;
    expectWithin<T>("erf_inv", slack, 0, nearOne, erfInv);
    expectWithin<T>("lgamma", slack, 0, magnitudes<T>(wide ? -300 : -100, wide ? 300 : 100),
                    lgammal);
    expectWithin<T>("lgamma", slack, 0, points<T>(0, 30), lgammal);
    expectWithin<T>("lgamma", slack, 1, points<T>(-30, 0), lgammal);
    expectWithin<T>("digamma", slack, 0, magnitudes<T>(wide ? -300 : -100, wide ? 300 : 100),
                    digamma);
    expectWithin<T>("digamma", 2 * slack, 0.1, points<T>(0, 30), digamma);
    expectWithin<T>("digamma", 1.5 * slack, 1, points<T>(-30, 0), [&](long double x) {
      return std::abs(x - roundl(x)) < 1e-3L ? -kInf : digamma(x); // the poles amplify rounding
    });
  }

  KernelHarness harness;
  std::mt19937_64 random{1};
};

// features: A2
TEST_P(SpecialFunctions, AreAccurateInF32) {
  expectAccurate<float>(1);
}

TEST_P(SpecialFunctions, AreAccurateInF64) {
  expectAccurate<double>(6);
}

TEST_P(SpecialFunctions, Zeta) {
  std::vector<double> x = points<double>(1.01, 30), q = magnitudes<double>(-6, 12);
  x.resize(kPoints / 10), q.resize(kPoints / 10);
  std::vector<double> y = run<double>("zeta", x, q);
  double worst = 0;
  for (size_t i = 0; i < y.size(); ++i)
    worst = std::max(worst, double(std::abs(y[i] / zeta(x[i], q[i]) - 1)));
  std::printf("zeta     f64 %.3g\n", worst);
  EXPECT_LE(worst, 1e-14);
}

TEST_P(SpecialFunctions, AtTheEdges) {
  auto at = [&](const char *op, double x) { return run<double>(op, std::vector<double>{x})[0]; };
  double nan = std::nan("");
  EXPECT_EQ(at("erfc", kInf), 0);
  EXPECT_EQ(at("erfc", -kInf), 2);
  EXPECT_EQ(at("erf_inv", 1), kInf);
  EXPECT_EQ(at("erf_inv", -1), -kInf);
  EXPECT_EQ(at("erf_inv", 0), 0);
  EXPECT_TRUE(std::isnan(at("erf_inv", 1.5)));
  for (double pole : {0.0, -0.0, -1.0, -7.0, -1e20, kInf, -kInf})
    EXPECT_EQ(at("lgamma", pole), kInf);
  EXPECT_EQ(at("lgamma", 1), 0);
  EXPECT_EQ(at("lgamma", 2), 0);
  EXPECT_NEAR(at("lgamma", -1e-200), 200 * std::log(10), 1e-9);
  for (double pole : {0.0, -0.0, -3.0}) EXPECT_TRUE(std::isnan(at("digamma", pole)));
  EXPECT_EQ(at("digamma", kInf), kInf);
  for (const char *op : {"erfc", "erf_inv", "lgamma", "digamma"})
    EXPECT_TRUE(std::isnan(at(op, nan)));
  std::vector<double> x = {1, 0.5, 2, 3, 2.5, 3, 2.5, 1e300, 3},
                      q = {2, 2, -4, -4, 0, -2.5, -2.5, 2, -1e9};
  std::vector<double> y = run<double>("zeta", x, q);
  EXPECT_EQ(y[0], kInf);
  EXPECT_EQ(y[2], kInf);
  for (int undefined : {1, 3, 4, 6, 8}) EXPECT_TRUE(std::isnan(y[undefined])) << undefined;
  EXPECT_NEAR(y[5], 0.054102025820864, 1e-12) << "terms of both signs";
  EXPECT_EQ(y[7], 0);
}

TEST_P(SpecialFunctions, RoundGoesAwayFromZeroAtHalves) {
  for (double half : {0.5, 1.5, 2.5, -0.5, -2.5, 0.49999999999999994, 4503599627370497.0,
                      2251799813685249.5, -0.25, 1e300})
    EXPECT_EQ(run<double>("round", std::vector<double>{half})[0], std::round(half)) << half;
  std::vector<float> x = points<float>(-100, 100), y = run<float>("round", x);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], std::round(x[i]));
  EXPECT_TRUE(std::signbit(run<float>("round", std::vector<float>{-0.3f})[0]));
}

TEST_P(SpecialFunctions, BitsAreCounted) {
  std::vector<int32_t> x = {0, 1, -1, 255, INT32_MIN, 1 << 20};
  EXPECT_EQ(run<int32_t>("popcnt", x), (std::vector<int32_t>{0, 1, 32, 8, 1, 1}));
  EXPECT_EQ(run<int32_t>("count_leading_zeros", x), (std::vector<int32_t>{32, 31, 0, 24, 0, 11}));
  std::vector<int64_t> wide = {0, -1, int64_t(1) << 40};
  EXPECT_EQ(run<int64_t>("popcnt", wide), (std::vector<int64_t>{0, 64, 1}));
  EXPECT_EQ(run<int64_t>("count_leading_zeros", wide), (std::vector<int64_t>{64, 0, 23}));
}

INSTANTIATE_TEST_SUITE_P(Levels, SpecialFunctions, ::testing::Values("host", "x86-64-v3"));

} // namespace
} // namespace weir::codegen
