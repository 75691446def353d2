// exp, expm1, log, log1p by range reduction and one polynomial each, and the reductions that other
// functions share. Branch-free; special values come from the formulas or from selects at the end.

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

#include <limits>

namespace weir::codegen {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Multiplies by 2^n with one rounding, whether the result is normal, denormal or infinite.
Expr scale(const Expr &p, const ExpReduction &reduced) {
  if (std::optional<Expr> scaled = scaleInstruction(p, reduced.n)) return *scaled;
  // In two steps, the first of which is exact.
  const FloatFormat &format = formatOf(p);
  Expr n = bits(reduced.sum) - bits(reduced.sum.constant(format.roundingMagic));
  Expr half = shiftRightSigned(n, 1);
  auto power = [&](const Expr &k) { return asFloat((k + format.bias) << format.mantissaBits); };
  return p * power(half) * power(n - half);
}

/// exp(r), |r| <= ln(2)/2.
Expr expPoly(const Expr &r) {
  return fma(fma(horner(r, formatOf(r).expPoly), r, 1.0), r, 1.0);
}

/// The polynomial part: expm1(r).
Expr expm1Poly(const Expr &r) {
  return fma(horner(r, formatOf(r).expPoly), r * r, r);
}

/// log1p(f) + n ln(2) + low for f in [-1/4, 1/2).
Expr logPoly(const Expr &n, const Expr &f, const Expr &low) {
  const FloatFormat &format = formatOf(f);
  Expr square = f * f, rest = square;
  if (f.width() == 32) {
    rest = fma(square, -0.5, fma(square * f, horner(f, kLogF32), low));
  } else {
    Expr half = 0.5 * square, s = f / (2.0 + f), z = s * s;
    rest = fma(s, fma(z, horner(z, kLogF64), half), low) - half;
  }
  return fma(n, format.ln2[0], f + rest);
}

} // namespace

const FloatFormat &formatOf(const Expr &x) {
  static const FloatFormat f32{23, 127, 0x1.8p23, 0x1p-126, 0x1p-30, -104, 89, kExpF32, kLn2F32};
  static const FloatFormat f64{52, 1023, 0x1.8p52, 0x1p-1022, 0x1p-60, -746, 710, kExpF64, kLn2F64};
  return x.width() == 32 ? f32 : f64;
}

Expr inDouble(llvm::ArrayRef<Expr> x, llvm::function_ref<Expr(llvm::ArrayRef<Expr>)> f) {
  llvm::SmallVector<Expr> wide;
  for (const Expr &e : x) wide.push_back(resize(e, e.b->getF64Type()));
  return resize(f(wide), x.front().element());
}

Expr signBit(const Expr &x) {
  return lt(bits(x), 0);
}

ExpReduction reduceExp(const Expr &x, int offset, bool exact) {
  const FloatFormat &format = formatOf(x);
  double magic = format.roundingMagic + offset;
  Expr sum = fma(x, kLog2E, magic);
  Expr n = sum - magic, r = fma(n, -format.ln2[0], x);
  return {sum, n, exact ? fma(n, -format.ln2[1], r) : r};
}

Expr powerOfTwo(const ExpReduction &reduced) {
  return asFloat(bits(reduced.sum) << formatOf(reduced.sum).mantissaBits);
}

Expr expInRange(const Expr &x, const Expr *low) {
  ExpReduction reduced = reduceExp(x);
  Expr r = low ? reduced.r + *low : reduced.r;
  return scale(expPoly(r), reduced);
}

Expr expPlus(const Expr &x, double c) {
  ExpReduction reduced = reduceExp(x, formatOf(x).bias, /*exact=*/false);
  return fma(powerOfTwo(reduced), expPoly(reduced.r), c);
}

Expr emitExp(const Expr &x) {
  const FloatFormat &format = formatOf(x);
  return expInRange(atLeast(atMost(x, format.expHigh), format.expLow));
}

// 2^n expm1(r) + (2^n - 1), halved until the end so that 2^n stays finite.
Expr emitExpm1(const Expr &x) {
  const FloatFormat &format = formatOf(x);
  ExpReduction reduced = reduceExp(atLeast(atMost(x, format.expHigh), -50.0), format.bias - 1);
  Expr half = powerOfTwo(reduced);
  Expr sum = fma(half, expm1Poly(reduced.r), half - 0.5);
  return select(lt(abs(x), format.tiny), x, sum + sum);
}

LogReduction reduceLog(const Expr &x) {
  const FloatFormat &format = formatOf(x);
  Expr small = lt(x, format.minNormal);
  Expr normal = select(small, x * (1.0 / format.minNormal), x);
  Expr raw = bits(normal);
  Expr exponent = shiftRightSigned(raw - bits(x.constant(0.75)), format.mantissaBits);
  Expr m = asFloat(raw - (exponent << format.mantissaBits));
  Expr n = toFloat(exponent, x.element());
  return {select(small, n - static_cast<double>(format.bias - 1), n), m};
}

Expr emitLog(const Expr &x) {
  auto [n, m] = reduceLog(x);
  Expr y = logPoly(n, m - 1.0, n * formatOf(x).ln2[1]);
  y = select(lt(x, kInf), y, x); // infinity and NaN
  return select(lt(x, 0.0), kNan, select(eq(x, 0.0), -kInf, y));
}

// log(1 + x) with the rounding error of 1 + x put back, which near 0 is x itself.
Expr emitLog1p(const Expr &x) {
  const FloatFormat &format = formatOf(x);
  Expr u = 1.0 + x;
  Expr lost = select(lt(x, 1.0), x - (u - 1.0), 1.0 - (u - x));
  auto [n, m] = reduceLog(u);
  Expr near = eq(n, 0.0);
  Expr low = fma(n, format.ln2[1], select(near, 0.0, lost / u));
  Expr y = logPoly(n, select(near, x, m - 1.0), low);
  y = select(lt(x, kInf), y, x);
  y = select(lt(x, -1.0), kNan, select(eq(x, -1.0), -kInf, y));
  return select(lt(abs(x), format.tiny), x, y);
}

} // namespace weir::codegen
