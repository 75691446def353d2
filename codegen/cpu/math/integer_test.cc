// Integer functions, comparisons, conversions, bit casts and Philox against plain C++, on vectors
// and scalars, with the operands that trap or overflow in C.

#include "codegen/cpu/math/kernel_harness.h"
#include "codegen/cpu/math/math.h"

#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <random>

namespace weir::codegen {
namespace {

/// Edges and random numbers of every length, in all pairs of a kind.
template <class T> std::pair<std::vector<T>, std::vector<T>> pairs() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> some = {0,
                         1,
                         -1,
                         2,
                         -2,
                         3,
                         -3,
                         7,
                         10,
                         31,
                         32,
                         33,
                         63,
                         64,
                         65,
                         100,
                         -100,
                         T(1) << (sizeof(T) * 4),
                         Limits::max(),
                         Limits::max() - 1,
                         Limits::min(),
                         Limits::min() + 1};
  std::mt19937_64 random(3);
  for (int i = 0; i < 30; ++i)
    some.push_back(static_cast<T>(random()) >> (random() % (8 * sizeof(T))));
  std::pair<std::vector<T>, std::vector<T>> result;
  for (T x : some)
    for (T y : some) result.first.push_back(x), result.second.push_back(y);
  return result;
}

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T> constexpr T kMin = std::numeric_limits<T>::min();

template <class T> T divide(T x, T y) {
  return y == 0 ? -1 : y == -1 ? T(0 - Unsigned<T>(x)) : x / y;
}
template <class T> T remainder(T x, T y) {
  return y == 0 ? x : y == -1 ? 0 : x % y;
}
template <class T> T power(T x, T y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : x == 0 ? -1 : 0;
  Unsigned<T> result = 1, base = x;
  for (; y; y >>= 1, base *= base)
    if (y & 1) result *= base;
  return result;
}
template <class T> bool fits(T y) {
  return Unsigned<T>(y) < 8 * sizeof(T);
}

template <class T> struct IntCase {
  const char *op;
  T (*exact)(T, T);
};

template <class T> std::vector<IntCase<T>> intCases() {
  using U = Unsigned<T>;
  return {
      {"add", [](T x, T y) { return T(U(x) + U(y)); }},
      {"sub", [](T x, T y) { return T(U(x) - U(y)); }},
      {"mul", [](T x, T y) { return T(U(x) * U(y)); }},
      {"div", divide<T>},
      {"rem", remainder<T>},
      {"pow", power<T>},
      {"max", [](T x, T y) { return std::max(x, y); }},
      {"min", [](T x, T y) { return std::min(x, y); }},
      {"and", [](T x, T y) { return T(x & y); }},
      {"or", [](T x, T y) { return T(x | y); }},
      {"xor", [](T x, T y) { return T(x ^ y); }},
      {"shift_left", [](T x, T y) { return fits(y) ? T(U(x) << y) : T(0); }},
      {"shift_right_logical", [](T x, T y) { return fits(y) ? T(U(x) >> y) : T(0); }},
      {"shift_right_arithmetic",
       [](T x, T y) { return T(x >> (fits(y) ? y : T(8 * sizeof(T) - 1))); }},
  };
}

class Integers : public ::testing::TestWithParam<const char *> {
protected:
  Integers() : harness(*targetForLevel(GetParam())) {}

  KernelHarness::Emit emitter(const std::string &op) {
    return [this, op](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange operands) {
      return emitElementwise(b, op, operands, harness.target);
    };
  }

  template <class T> void checkBinary() {
    auto [x, y] = pairs<T>();
    for (const IntCase<T> &c : intCases<T>())
      for (int lanes : {0, 8, 16}) {
        std::vector<T> z = harness.run<T>(c.op, emitter(c.op), lanes, x, y);
        for (size_t i = 0; i < z.size(); ++i)
          ASSERT_EQ(z[i], c.exact(x[i], y[i])) << c.op << " of " << x[i] << ", " << y[i];
      }
  }

  template <class T> void checkUnary() {
    std::vector<T> x = pairs<T>().second;
    auto check = [&](const char *op, auto exact) {
      for (int lanes : {0, 8}) {
        std::vector<T> y = harness.run<T>(op, emitter(op), lanes, x);
        for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], exact(x[i])) << op << " of " << x[i];
      }
    };
    check("neg", [](T v) { return T(0 - Unsigned<T>(v)); });
    check("abs", [](T v) { return v < 0 ? T(0 - Unsigned<T>(v)) : v; });
    check("sign", [](T v) { return T((v > 0) - (v < 0)); });
    check("not", [](T v) { return T(~v); });
  }

  template <class To, class From, class Exact>
  void checkConvert(const std::vector<From> &x, Exact exact) {
    auto emit = [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange v) {
      return emitConvert(b, v[0], harness.elementType<From>(), harness.elementType<To>());
    };
    for (int lanes : {0, 4, 16}) {
      std::vector<To> y = harness.run<To>("convert", emit, lanes, x);
      for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], exact(x[i])) << double(x[i]);
    }
  }

  KernelHarness harness;
};

// features: A2
TEST_P(Integers, BinaryFunctionsAreDefinedForAllOperands) {
  checkBinary<int32_t>();
  checkBinary<int64_t>();
}

TEST_P(Integers, UnaryFunctionsWrap) {
  checkUnary<int32_t>();
  checkUnary<int64_t>();
}

TEST_P(Integers, BooleansTakeTheBitwiseFunctions) {
  std::vector<Bit> x{Bit(0), Bit(0), Bit(1), Bit(1)}, y{Bit(0), Bit(1), Bit(0), Bit(1)};
  auto run = [&](const char *op, auto &...in) {
    return harness.run<Bit>(op, emitter(op), 16, in...);
  };
  auto bits = [](int a, int b, int c, int d) {
    return std::vector<Bit>{Bit(a), Bit(b), Bit(c), Bit(d)};
  };
  EXPECT_EQ(run("and", x, y), bits(0, 0, 0, 1));
  EXPECT_EQ(run("or", x, y), bits(0, 1, 1, 1));
  EXPECT_EQ(run("xor", x, y), bits(0, 1, 1, 0));
  EXPECT_EQ(run("not", x), bits(1, 1, 0, 0));
  EXPECT_EQ(run("select", x, y, x), bits(0, 0, 0, 1));
}

template <class T> bool holds(const std::string &direction, T x, T y) {
  return direction == "eq"   ? x == y
         : direction == "ne" ? x != y
         : direction == "lt" ? x < y
         : direction == "le" ? x <= y
         : direction == "gt" ? x > y
                             : x >= y;
}

TEST_P(Integers, ComparisonsAreSignedOrderedAndKnowBooleans) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> floats = {0.f, -0.f, 1.f, -1.f, nan}, fx, fy;
  std::vector<Bit> bx, by;
  for (float a : floats)
    for (float b : floats)
      fx.push_back(a), fy.push_back(b), bx.push_back(Bit(a > 0)), by.push_back(Bit(b > 0));
  auto [ix, iy] = pairs<int32_t>();
  auto check = [&](const std::string &direction, const auto &x, const auto &y) {
    auto emit = [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange v) {
      return emitCompare(b, direction, v[0], v[1]);
    };
    for (int lanes : {0, 16}) {
      std::vector<Bit> z = harness.run<Bit>(direction, emit, lanes, x, y);
      for (size_t i = 0; i < z.size(); ++i)
        EXPECT_EQ(bool(z[i]), holds(direction, x[i], y[i])) << direction;
    }
  };
  for (const char *direction : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    check(direction, fx, fy);
    check(direction, bx, by);
    check(direction, ix, iy);
  }
}

template <class To, class From> To saturated(From x) {
  if (std::isnan(x)) return 0;
  From limit = std::ldexp(From(1), 8 * sizeof(To) - 1);
  return x >= limit ? std::numeric_limits<To>::max() : x < -limit ? kMin<To> : static_cast<To>(x);
}

template <class T> std::vector<T> interestingFloats() {
  std::vector<T> x;
  for (double v : {0., 0.5, 0.999, 1.5, 2.5, 1e9, 2147483520., 2147483647., 2147483648., 3e9, 1e18,
                   9223372036854774784., 9223372036854775808., 1e30, double(INFINITY)})
    x.push_back(static_cast<T>(v));
  for (size_t i = 0, n = x.size(); i < n; ++i) x.push_back(-x[i]);
  x.push_back(std::numeric_limits<T>::quiet_NaN());
  return x;
}

TEST_P(Integers, FloatsConvertToIntegersSaturating) {
  checkConvert<int32_t>(interestingFloats<float>(), saturated<int32_t, float>);
  checkConvert<int64_t>(interestingFloats<float>(), saturated<int64_t, float>);
  checkConvert<int32_t>(interestingFloats<double>(), saturated<int32_t, double>);
  checkConvert<int64_t>(interestingFloats<double>(), saturated<int64_t, double>);
  checkConvert<Bit>(interestingFloats<float>(), [](float x) { return Bit(x != 0); });
}

TEST_P(Integers, OtherConversionsAreThoseOfC) {
  auto cast = [&]<class From>(const std::vector<From> &x) {
    checkConvert<float>(x, [](From v) { return static_cast<float>(v); });
    checkConvert<double>(x, [](From v) { return static_cast<double>(v); });
    checkConvert<int32_t>(x, [](From v) { return static_cast<int32_t>(v); });
    checkConvert<int64_t>(x, [](From v) { return static_cast<int64_t>(v); });
    checkConvert<Bit>(x, [](From v) { return Bit(v != From(0)); });
  };
  cast(pairs<int32_t>().second);
  cast(pairs<int64_t>().second);
  cast(std::vector<Bit>{Bit(0), Bit(1)});
  std::vector<double> doubles = {0.1, -1e-40, 1e-50, 3.5e38, 1e300, -1.0 / 3};
  checkConvert<float>(doubles, [](double v) { return static_cast<float>(v); });
  checkConvert<double>(std::vector<float>{0.1f, 1e-40f},
                       [](float v) { return static_cast<double>(v); });
}

TEST_P(Integers, BitcastKeepsTheBits) {
  std::vector<float> x = interestingFloats<float>();
  auto emit = [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange v) {
    return emitBitcast(b, v[0], b.getF32Type(), b.getIntegerType(32));
  };
  std::vector<int32_t> y = harness.run<int32_t>("bitcast", emit, 8, x);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], std::bit_cast<int32_t>(x[i]));
}

// Known answers of Random123's distribution (kat_vectors): zeros, ones, and the digits of pi.
TEST_P(Integers, PhiloxGivesTheKnownAnswers) {
  using Words = std::vector<uint32_t>;
  const Words counters[] = {
      {0, 0, 0, 0}, {~0u, ~0u, ~0u, ~0u}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  const Words keys[] = {{0, 0}, {~0u, ~0u}, {0xa4093822, 0x299f31d0}};
  const Words answers[] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                           {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                           {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int lanes : {0, 16})
    for (int word = 0; word < 4; ++word) {
      auto emit = [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange v) {
        return emitPhilox(b, {v[0], v[1]}, {v[2], v[3], v[4], v[5]})[word];
      };
      auto column = [](const Words(&rows)[3], int k) {
        return std::vector<int32_t>{int32_t(rows[0][k]), int32_t(rows[1][k]), int32_t(rows[2][k])};
      };
      EXPECT_EQ(harness.run<int32_t>("philox " + std::to_string(word), emit, lanes, column(keys, 0),
                                     column(keys, 1), column(counters, 0), column(counters, 1),
                                     column(counters, 2), column(counters, 3)),
                column(answers, word));
    }
}

INSTANTIATE_TEST_SUITE_P(Levels, Integers, ::testing::Values("host", "x86-64-v3"));

} // namespace
} // namespace weir::codegen
