// pow and cbrt. f64 pow takes the logarithm as a sum of two floats, good to 2^-64, because the
// exponent multiplies its error by up to 700; f32 pow needs no more than f64's plain log and exp.

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

#include <limits>

namespace weir::codegen {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// An unevaluated sum; |low| is at most an ulp or so of high.
struct Pair {
  Expr high, low;
};

Pair twoSum(const Expr &a, const Expr &b) {
  Expr s = a + b, bb = s - a;
  return {s, (a - (s - bb)) + (b - bb)};
}

/// (ah + al) (bh + bl), without al bl.
Pair twoProduct(const Pair &a, const Pair &b) {
  Expr p = a.high * b.high;
  Expr error = fma(a.high, b.high, -p);
  return {p, error + fma(a.high, b.low, a.low * b.high)};
}

/// log(x) for finite x > 0: log(2^n m) = n ln(2) + 2 atanh(s), s = (m - 1) / (m + 1).
Pair logPair(const Expr &x) {
  auto [n, m] = reduceLog(x);
  Expr f = m - 1.0, d = 2.0 + f;
  Expr s = f / d;
  Expr sLow = fma(-s, f - (d - 2.0), fma(-s, d, f)) / d;
  Pair sp{s, sLow}, z = twoProduct(sp, sp);
  auto number = [&](llvm::ArrayRef<double> c) { return Pair{x.constant(c[0]), x.constant(c[1])}; };
  Pair cubic = twoProduct(twoProduct(sp, z), number(kTwoThirdsF64));
  Expr tail = s * z.high * z.high * horner(z.high, kLogTailF64);
  Pair whole = twoProduct({n, x.constant(0.0)}, number(kLn2F64));
  Pair a = twoSum(whole.high, s + s), b = twoSum(a.high, cubic.high);
  Expr low = (a.low + b.low) + ((whole.low + 2.0 * sLow) + (cubic.low + tail));
  Expr high = b.high + low;
  return {high, low - (high - b.high)};
}

/// |x|^y from log|x|, which is infinite or NaN where |x| is 0, infinite or NaN.
Expr powerOfMagnitude(const Expr &a, const Expr &y, bool single) {
  Pair log = single ? Pair{emitLog(a), a.constant(0.0)} : logPair(a);
  Expr special = select(eq(a, 0.0), -kInf, a);
  log.high = select(gt(a, 0.0) & lt(a, kInf), log.high, special);
  Expr product = y * log.high;
  const FloatFormat &format = formatOf(a);
  Expr clamped = atLeast(atMost(product, format.expHigh), format.expLow);
  if (single) return expInRange(clamped);
  Expr low = fma(y, log.high, -product) + y * log.low;
  low = select(eq(clamped, product) & lt(abs(product), kInf), low, 0.0);
  return expInRange(clamped, &low);
}

/// C99's pow for f64.
Expr powInDouble(const Expr &x, const Expr &y, bool single) {
  Expr a = abs(x);
  Expr p = powerOfMagnitude(a, y, single);
  Expr integral = eq(floor(y), y), half = 0.5 * y;
  Expr odd = integral & ne(floor(half), half);
  p = select(odd & signBit(x), -p, p);
  p = select(lt(x, 0.0) & gt(x, -kInf) & ne(floor(y), y), kNan, p); // NaN y too
  Expr one = eq(x, 1.0) | eq(y, 0.0) | (eq(a, 1.0) & eq(abs(y), kInf));
  return select(one, 1.0, p);
}

/// The cube root of f64 x, after `steps` of Newton's method from 17 bits.
Expr cbrtInDouble(const Expr &x, int steps) {
  const FloatFormat &format = formatOf(x);
  Expr a = abs(x), small = lt(a, format.minNormal);
  Expr raw = bits(select(small, a * 0x1p54, a));
  Expr e = toFloat((raw >> format.mantissaBits) - (format.bias - 1), x.element());
  Expr m = asFloat((raw & ((int64_t(1) << 52) - 1)) | bits(x.constant(0.5)));
  Expr third = floor(fma(e, 1.0 / 3, 1.0 / 6)); // e = 3 third + 0, 1 or 2
  Expr rest = fma(third, -3.0, e);
  Expr isZero = eq(rest, 0.0), isOne = eq(rest, 1.0);
  Expr target = m * select(isZero, 1.0, select(isOne, 2.0, x.constant(4.0)));
  Expr y = horner(m, kCbrt) *
           select(isZero, 1.0, select(isOne, 1.2599210498948732, x.constant(1.5874010519681994)));
  for (int i = 0; i < steps; ++i) {
    Expr square = y * y;
    Expr residual = fma(fma(y, y, -square), y, fma(square, y, -target));
    y = y - residual / (3.0 * square);
  }
  Expr power = third + select(small, format.roundingMagic - 18.0, x.constant(format.roundingMagic));
  Expr result = y * asFloat((bits(power) + format.bias) << format.mantissaBits);
  return select(gt(a, 0.0) & lt(a, kInf), copySign(result, x), x);
}

} // namespace

Expr emitPow(const Expr &x, const Expr &y) {
  if (x.width() == 64) return powInDouble(x, y, /*single=*/false);
  return inDouble({x, y}, [](llvm::ArrayRef<Expr> v) { return powInDouble(v[0], v[1], true); });
}

Expr emitCbrt(const Expr &x) {
  if (x.width() == 64) return cbrtInDouble(x, 2);
  return inDouble({x}, [](llvm::ArrayRef<Expr> v) { return cbrtInDouble(v[0], 1); });
}

} // namespace weir::codegen
