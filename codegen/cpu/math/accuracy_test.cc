// Every floating point function against long double over sweeps of the whole range and of where it
// is interesting: errors in units of the last place, and equal bits for scalars and vectors.

#include "codegen/cpu/math/kernel_harness.h"
#include "codegen/cpu/math/math.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

namespace weir::codegen {
namespace {

constexpr int kPoints = 100'000;

template <class T> using BitsOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

/// |got - want| in units of the last place of `want` as a T. Infinity stands for the first number
/// that T cannot hold; NaN must meet NaN.
template <class T> double ulpsOff(T got, long double want) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) == std::isnan(got) ? 0 : 1e30;
  long double beyond = std::ldexp(1.0L, Limits::max_exponent);
  auto finite = [&](long double x) { return std::clamp(x, -beyond, beyond); };
  int exponent = want == 0 ? Limits::min_exponent : std::ilogb(finite(want));
  int last = std::max(exponent, Limits::min_exponent - 1) - (Limits::digits - 1);
  return static_cast<double>(std::ldexp(std::abs(finite(got) - finite(want)), -last));
}

/// Numbers of every magnitude up to `limit`, and as many evenly spread over [-near, near].
template <class T> std::vector<T> sweep(double limit, double near) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> even(-near, near);
  std::vector<T> points;
  while (points.size() < kPoints) {
    T x = std::bit_cast<T>(static_cast<BitsOf<T>>(random()));
    if (std::abs(x) <= limit) points.push_back(x);
    points.push_back(static_cast<T>(even(random)));
  }
  return points;
}

constexpr double kAll32 = std::numeric_limits<float>::infinity();
constexpr double kAll64 = std::numeric_limits<double>::infinity();

struct UnaryCase {
  const char *op;
  long double (*exact)(long double);
  double bound32, bound64; // ulps
  double limit32 = kAll32;
  double limit64 = kAll64;
  double near = 8; // where it bends
};

struct BinaryCase {
  const char *op;
  long double (*exact)(long double, long double);
  double bound32, bound64;
  double near;
};

const UnaryCase unaryCases[] = {
    {"exp", expl, 1.0, 1.0, kAll32, kAll64, 90},
    {"expm1", expm1l, 1.7, 2.0, kAll32, kAll64, 3},
    {"log", logl, 1.0, 1.0},
    {"log1p", log1pl, 1.0, 1.0, kAll32, kAll64, 1},
    {"sqrt", sqrtl, 0.5, 0.5},
    {"rsqrt", [](long double x) { return 1 / sqrtl(x); }, 1.5, 1.5},
    {"cbrt", cbrtl, 0.51, 0.51},
    {"tanh", tanhl, 2.0, 2.0, kAll32, kAll64, 10},
    {"logistic", [](long double x) { return 1 / (1 + expl(-x)); }, 2.0, 2.0, kAll32, kAll64, 100},
    {"sin", sinl, 0.6, 1.6, kAll32, kAll64, 100},
    {"cos", cosl, 0.6, 1.6, kAll32, kAll64, 100},
    {"tan", tanl, 0.6, 3.5, kAll32, kAll64, 100},
    {"erf", erfl, 1.5, 1.5, kAll32, kAll64, 4},
    {"abs", fabsl, 0, 0},
    {"neg", [](long double x) { return -x; }, 0, 0},
    {"floor", floorl, 0, 0},
    {"ceil", ceill, 0, 0},
    {"round_even", nearbyintl, 0, 0},
};

const BinaryCase binaryCases[] = {
    {"add", [](long double x, long double y) { return x + y; }, 0.51, 0.51, 8},
    {"sub", [](long double x, long double y) { return x - y; }, 0.51, 0.51, 8},
    {"mul", [](long double x, long double y) { return x * y; }, 0.51, 0.51, 8},
    {"div", [](long double x, long double y) { return x / y; }, 0.51, 0.51, 8},
    {"pow", powl, 0.6, 1.5, 12},
    {"atan2", atan2l, 0.6, 2.0, 8},
    {"rem", fmodl, 0, 0, 30},
    {"max", fmaxl, 0, 0, 8},
    {"min", fminl, 0, 0, 8},
};

class Accuracy : public ::testing::TestWithParam<const char *> {
protected:
  Accuracy() : harness(*targetForLevel(GetParam())) {}

  KernelHarness::Emit emitter(const std::string &op) {
    return [this, op](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange operands) {
      return emitElementwise(b, op, operands, harness.target);
    };
  }

  /// Vectors of a full register, of half, and scalars agree in every bit that is not a NaN's.
  template <class T, class... In> std::vector<T> sameBits(const char *op, const In &...in) {
    int full = harness.target.lanes(sizeof(T));
    std::vector<T> result = harness.run<T>(op, emitter(op), full, in...);
    for (int lanes : {0, full / 2}) {
      std::vector<T> other = harness.run<T>(op, emitter(op), lanes, in...);
      for (size_t i = 0; i < result.size(); ++i)
        if (!std::isnan(result[i]) || !std::isnan(other[i]))
          EXPECT_EQ(std::bit_cast<BitsOf<T>>(result[i]), std::bit_cast<BitsOf<T>>(other[i]))
              << op << " at " << i;
    }
    return result;
  }

  template <class T> void expectWithin(const char *op, double bound, double worst, T x, T y) {
    std::printf("%-11s f%d %8.3f ulp at %a %a\n", op, int(8 * sizeof(T)), worst, double(x),
                double(y));
    EXPECT_LE(worst, bound) << op << " of f" << 8 * sizeof(T) << " at " << x << ", " << y;
  }

  template <class T> void check(const UnaryCase &c, double bound, double limit) {
    std::vector<T> x = sweep<T>(limit, c.near), y = sameBits<T>(c.op, x);
    double worst = 0;
    T at = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      double off = ulpsOff(y[i], c.exact(x[i]));
      if (off > worst) worst = off, at = x[i];
    }
    expectWithin<T>(c.op, bound, worst, at, 0);
  }

  template <class T> void check(const BinaryCase &c, double bound) {
    double limit = std::numeric_limits<double>::infinity();
    std::vector<T> x = sweep<T>(limit, c.near), y = sweep<T>(limit, c.near);
    std::shuffle(y.begin(), y.end(), std::mt19937(2));
    std::vector<T> z = sameBits<T>(c.op, x, y);
    double worst = 0;
    T atX = 0, atY = 0;
    for (size_t i = 0; i < z.size(); ++i) {
      double off = ulpsOff(z[i], c.exact(x[i], y[i]));
      if (off > worst) worst = off, atX = x[i], atY = y[i];
    }
    expectWithin<T>(c.op, bound, worst, atX, atY);
  }

  KernelHarness harness;
};

// features: A2
TEST_P(Accuracy, UnaryFunctionsOfF32) {
  for (const UnaryCase &c : unaryCases) check<float>(c, c.bound32, c.limit32);
}

TEST_P(Accuracy, UnaryFunctionsOfF64) {
  for (const UnaryCase &c : unaryCases) check<double>(c, c.bound64, c.limit64);
}

TEST_P(Accuracy, BinaryFunctionsOfF32) {
  for (const BinaryCase &c : binaryCases) check<float>(c, c.bound32);
}

TEST_P(Accuracy, BinaryFunctionsOfF64) {
  for (const BinaryCase &c : binaryCases) check<double>(c, c.bound64);
}

INSTANTIATE_TEST_SUITE_P(Levels, Accuracy, ::testing::Values("host", "x86-64-v3"));

} // namespace
} // namespace weir::codegen
