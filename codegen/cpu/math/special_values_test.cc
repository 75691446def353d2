// Where functions end: zeros with their signs, infinities, NaN, denormals, thresholds of overflow,
// and the corners of pow, atan2 and rem as C99 has them. Reference: <cmath>.

#include "codegen/cpu/math/kernel_harness.h"
#include "codegen/cpu/math/math.h"

#include "gtest/gtest.h"

#include <cmath>

namespace weir::codegen {
namespace {

template <class T> constexpr T kInf = std::numeric_limits<T>::infinity();
template <class T> constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

/// Edges of T: every one with both signs.
template <class T> std::vector<T> edges() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> all;
  for (T x : {T(0),
              Limits::denorm_min(),
              T(3 * Limits::denorm_min()),
              T(Limits::min() / 2),
              Limits::min(),
              Limits::epsilon(),
              T(0.25),
              T(0.5),
              T(1 - Limits::epsilon() / 2),
              T(1),
              T(1 + Limits::epsilon()),
              T(1.5),
              T(2),
              T(2.5),
              T(3),
              T(4),
              T(7),
              T(11),
              T(63),
              T(64),
              T(1e4),
              T(16777216),
              T(16777217),
              T(9007199254740991),
              T(9007199254740992),
              T(1e30),
              T(Limits::max() / 2),
              Limits::max(),
              kInf<T>,
              kNan<T>})
    all.insert(all.end(), {x, T(-x)});
  return all;
}

class SpecialValues : public ::testing::TestWithParam<const char *> {
protected:
  SpecialValues() : harness(*targetForLevel(GetParam())) {}

  template <class Out, class... In>
  std::vector<Out> apply(const std::string &op, int lanes, const std::vector<In> &...in) {
    auto emit = [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange operands) {
      return emitElementwise(b, op, operands, harness.target);
    };
    return harness.run<Out>(op, emit, lanes, in...);
  }

  /// Infinite, NaN, zero and exact results must be those of `want`, signs included; others near.
  template <class T> static void expectSame(T got, T want, const std::string &what) {
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(got)) << what << " gives " << got;
    } else if (std::isinf(want) || want == 0 || std::abs(want) < std::numeric_limits<T>::min()) {
      T ulp = std::numeric_limits<T>::denorm_min();
      bool near = std::isfinite(want) && want != 0 && std::abs(got - want) <= ulp;
      EXPECT_TRUE((got == want || near) && std::signbit(got) == std::signbit(want))
          << what << " gives " << got << ", not " << want;
    } else {
      EXPECT_LE(std::abs(got - want), 4 * std::numeric_limits<T>::epsilon() * std::abs(want))
          << what << " gives " << got << ", not " << want;
    }
  }

  template <class T>
  void checkUnary(const std::string &op, T (*exact)(T), const std::vector<T> &extra = {}) {
    std::vector<T> x = edges<T>();
    x.insert(x.end(), extra.begin(), extra.end());
    for (int lanes : {0, int(harness.target.lanes(sizeof(T)))}) {
      std::vector<T> y = apply<T>(op, lanes, x);
      for (size_t i = 0; i < y.size(); ++i)
        expectSame(y[i], exact(x[i]), op + "(" + std::to_string(x[i]) + ")");
    }
  }

  template <class T> void checkBinary(const std::string &op, T (*exact)(T, T)) {
    std::vector<T> x, y;
    for (T a : edges<T>())
      for (T b : edges<T>()) x.push_back(a), y.push_back(b);
    for (int lanes : {0, int(harness.target.lanes(sizeof(T)))}) {
      std::vector<T> z = apply<T>(op, lanes, x, y);
      for (size_t i = 0; i < z.size(); ++i)
        expectSame(z[i], exact(x[i], y[i]),
                   op + "(" + std::to_string(x[i]) + ", " + std::to_string(y[i]) + ")");
    }
  }

  template <class T> void checkFunctions();

  KernelHarness harness;
};

/// The sign of x, with its zeros and NaN.
template <class T> T signOf(T x) {
  return x > 0 ? 1 : x < 0 ? -1 : x;
}

template <class T> T maximumOf(T x, T y) {
  if (std::isnan(x) || std::isnan(y)) return kNan<T>;
  return x == y ? (std::signbit(x) ? y : x) : std::max(x, y);
}
template <class T> T minimumOf(T x, T y) {
  return -maximumOf<T>(-x, -y);
}

template <class T> void SpecialValues::checkFunctions() {
  bool single = sizeof(T) == 4;
  T overflow = single ? 88.722839 : 709.78271289338397, gone = single ? -103.97 : -745.13;
  std::vector<T> around = {overflow,           std::nextafter(overflow, T(1e3)),
                           T(overflow + 1),    gone,
                           T(gone - 1),        T(gone / 1.1),
                           T(overflow / 1.01), T(-overflow)};
  checkUnary<T>("exp", std::exp, around);
  checkUnary<T>("expm1", std::expm1, around);
  checkUnary<T>("log", std::log);
  checkUnary<T>("log1p", std::log1p);
  checkUnary<T>("sqrt", std::sqrt);
  checkUnary<T>("rsqrt", [](T x) { return 1 / std::sqrt(x); });
  checkUnary<T>("cbrt", std::cbrt);
  checkUnary<T>("tanh", std::tanh, around);
  checkUnary<T>("erf", std::erf);
  checkUnary<T>("logistic", [](T x) { return T(1 / (1 + std::exp(-(long double)x))); }, around);
  checkUnary<T>("floor", std::floor);
  checkUnary<T>("ceil", std::ceil);
  checkUnary<T>("round_even", std::nearbyint);
  checkUnary<T>("abs", std::fabs);
  checkUnary<T>("neg", [](T x) { return -x; });
  checkUnary<T>("sign", signOf<T>);
  checkBinary<T>("max", maximumOf<T>);
  checkBinary<T>("min", minimumOf<T>);
  checkBinary<T>("rem", std::fmod);
  checkBinary<T>("atan2", std::atan2);
  checkBinary<T>("pow", std::pow);
}

// features: A2
TEST_P(SpecialValues, AreThoseOfTheMathLibraryInF32) {
  checkFunctions<float>();
}
TEST_P(SpecialValues, AreThoseOfTheMathLibraryInF64) {
  checkFunctions<double>();
}

TEST_P(SpecialValues, SineOfZeroKeepsItsSignAndOfInfinityIsNaN) {
  for (const char *op : {"sin", "tan"}) {
    std::vector<float> y = apply<float>(op, 16, std::vector<float>{0.f, -0.f, 1e-40f, kInf<float>});
    EXPECT_FALSE(std::signbit(y[0]));
    EXPECT_TRUE(std::signbit(y[1]) && y[1] == 0);
    EXPECT_EQ(y[2], 1e-40f);
    EXPECT_TRUE(std::isnan(y[3]));
  }
  std::vector<double> y =
      apply<double>("cos", 8, std::vector<double>{0., -0., -kInf<double>, kNan<double>});
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], 1);
  EXPECT_TRUE(std::isnan(y[2]) && std::isnan(y[3]));
}

TEST_P(SpecialValues, OnlyNumbersAreFinite) {
  std::vector<float> x = edges<float>();
  std::vector<Bit> y = apply<Bit>("is_finite", 16, x);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(bool(y[i]), std::isfinite(x[i])) << x[i];
}

TEST(Elementwise, UnknownOpsAndTypesGiveNull) {
  KernelHarness harness(*targetForLevel("x86-64-v3"));
  EXPECT_TRUE(isElementwise("tanh") && isElementwise("convert"));
  EXPECT_FALSE(isElementwise("dot"));
  auto tryEmit = [&](const char *op, unsigned wanted) {
    return [&, op, wanted](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
      EXPECT_FALSE(emitElementwise(b, op, x.take_front(wanted), harness.target)) << op;
      return x[0];
    };
  };
  std::vector<int32_t> ints{1};
  std::vector<float> floats{1};
  harness.run<int32_t>("int exp", tryEmit("exp", 1), 0, ints);
  harness.run<float>("float and", tryEmit("and", 2), 0, floats, floats);
  harness.run<float>("unary add", tryEmit("add", 1), 0, floats);
  harness.run<float>("unknown", tryEmit("softmax", 1), 0, floats);
}

INSTANTIATE_TEST_SUITE_P(Levels, SpecialValues, ::testing::Values("host", "x86-64-v3"));

} // namespace
} // namespace weir::codegen
