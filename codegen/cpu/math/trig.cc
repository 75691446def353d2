// sin, cos, tan and atan2. f32 is computed in f64 with shorter polynomials, so its reduction by
// multiples of pi/2 is exact enough without a case of its own; above 2^45 both take reduceHuge.

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

#include <limits>

namespace weir::codegen {
namespace {

/// sin and cos of the reduced angle.
struct Circle {
  Expr sin, cos, quadrant;
};

/// x is f64; `single`: f32's accuracy is enough.
Circle reduceToQuadrant(const Expr &x, bool single) {
  double magic = formatOf(x).roundingMagic;
  Expr sum = fma(x, 0x1.45f306dc9c883p-1, magic); // 2/pi
  Expr n = sum - magic;
  // The first two steps are exact where they cancel.
  Expr r = fma(n, -kHalfPiF64[2], fma(n, -kHalfPiF64[1], fma(n, -kHalfPiF64[0], x)));
  Angle angle = reduceHuge(x, 0x1p45, {r, bits(sum)});
  Expr z = angle.r * angle.r;
  llvm::ArrayRef<double> sinPoly = kSinF32, cosPoly = kCosF32;
  if (!single) sinPoly = kSinF64, cosPoly = kCosF64;
  Expr sin = fma(angle.r * z, horner(z, sinPoly), angle.r);
  Expr cos = fma(z * z, horner(z, cosPoly), fma(z, -0.5, 1.0));
  return {sin, cos, angle.quadrant};
}

/// `y` with its sign flipped where bit 1 of `quadrant` is set.
Expr flipBy(const Expr &quadrant, const Expr &y) {
  return asFloat(bits(y) ^ ((quadrant & 2) << 62));
}

/// Applies `f`, which takes an f64 and whether f32's accuracy is enough, to an f32 or f64.
Expr widened(const Expr &x, llvm::function_ref<Expr(const Expr &, bool)> f) {
  if (x.width() == 64) return f(x, false);
  return inDouble({x}, [&](llvm::ArrayRef<Expr> wide) { return f(wide[0], true); });
}

} // namespace

Expr emitSin(const Expr &x) {
  Expr y = widened(x, [](const Expr &x, bool single) {
    Circle c = reduceToQuadrant(x, single);
    return flipBy(c.quadrant, select(eq(c.quadrant & 1, 0), c.sin, c.cos));
  });
  return select(lt(abs(x), formatOf(x).tiny), x, y); // keeps -0
}

Expr emitCos(const Expr &x) {
  return widened(x, [](const Expr &x, bool single) {
    Circle c = reduceToQuadrant(x, single);
    return flipBy(c.quadrant + 1, select(eq(c.quadrant & 1, 0), c.cos, c.sin));
  });
}

Expr emitTan(const Expr &x) {
  Expr y = widened(x, [](const Expr &x, bool single) {
    Circle c = reduceToQuadrant(x, single);
    Expr even = eq(c.quadrant & 1, 0);
    Expr t = select(even, c.sin, c.cos) / select(even, c.cos, c.sin);
    return flipBy(c.quadrant << 1, t);
  });
  return select(lt(abs(x), formatOf(x).tiny), x, y);
}

namespace {

Expr atan2InDouble(const Expr &y, const Expr &x, llvm::ArrayRef<double> poly) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  Expr ax = abs(x), ay = abs(y);
  Expr steep = gt(ay, ax);
  Expr low = select(steep, ax, ay), high = select(steep, ay, ax);
  Expr t = select(eq(low, kInf), 1.0, select(eq(high, 0.0), 0.0, low / high));
  Expr z = t * t;
  Expr a = fma(t * z, horner(z, poly), t);
  a = select(steep, kHalfPiF64[0] - (a - kHalfPiF64[1]), a);
  a = select(signBit(x), 2 * kHalfPiF64[0] - (a - 2 * kHalfPiF64[1]), a);
  return select(isNan(x) | isNan(y), x + y, copySign(a, y));
}

} // namespace

Expr emitAtan2(const Expr &y, const Expr &x) {
  if (x.width() == 64) return atan2InDouble(y, x, kAtanF64);
  return inDouble({y, x},
                  [](llvm::ArrayRef<Expr> v) { return atan2InDouble(v[0], v[1], kAtanF32); });
}

} // namespace weir::codegen
