// lgamma, digamma and the Hurwitz zeta function, in f64 for f32 as well. Large arguments take the
// asymptotic series, small ones are shifted to a polynomial (lgamma, digamma) or to the series
// (zeta), negative ones reflected. Branch-free but for zeta's sum, which is a loop.

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

#include <limits>
#include <numbers>

namespace weir::codegen {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;
constexpr double kSeriesFrom = 8; // where the asymptotic series are good to the last place

/// sin(pi r) and cos(pi r) for |r| <= 1/2.
struct HalfTurn {
  Expr sin, cos;
};

HalfTurn halfTurn(const Expr &r) {
  Expr a = abs(r), steep = gt(a, 0.25);
  Expr angle = kPi * select(steep, 0.5 - a, a), z = angle * angle;
  Expr sin = fma(angle * z, horner(z, kSinF64), angle);
  Expr cos = fma(z * z, horner(z, kCosF64), fma(z, -0.5, 1.0));
  return {copySign(select(steep, cos, sin), r), select(steep, sin, cos)};
}

/// The distance of x from the nearest integer, with sign; exact.
Expr fromInteger(const Expr &x) {
  return x - roundEven(x);
}

// a < 1/2: lgamma(1 + a) - log(a). a < 8: shifted down to [3/2, 5/2), with the log of the product
// that this takes. Beyond: Stirling.
Expr lgammaOfPositive(const Expr &a) {
  Expr tiny = lt(a, 0.5), small = lt(a, 1.5), large = ge(a, kSeriesFrom);
  Expr shifted = a, product = a.constant(1.0);
  for (int i = 0; i < 6; ++i) {
    Expr above = ge(shifted, 2.5), next = shifted - 1.0;
    product = select(above, product * next, product);
    shifted = select(above, next, shifted);
  }
  Expr fromOne = select(tiny, a, a - 1.0), fromTwo = shifted - 2.0;
  Expr near =
      select(small, fromOne * horner(fromOne, kLgammaOne), fromTwo * horner(fromTwo, kLgammaTwo));
  Expr log = emitLog(select(large, a, select(tiny, a, select(small, 1.0, product))));
  Expr inverse = 1.0 / a;
  Expr series = fma(inverse, horner(inverse * inverse, kStirling), 0.41893853320467274);
  Expr far = (a - 0.5) * (log - 1.0) + series;
  return select(large, far, near + select(tiny, -log, log));
}

// log|gamma(x)|; for negative x, log(pi / |x sin(pi x)|) - lgamma(-x).
Expr lgammaInDouble(const Expr &x) {
  Expr a = abs(x), positive = lgammaOfPositive(a);
  Expr s = a * abs(halfTurn(fromInteger(a)).sin);
  Expr reflected = select(eq(s, 0.0), kInf, emitLog(kPi / s) - positive);
  // Near 0 both are -log|x|, but the product above underflows.
  Expr y = select(lt(x, 0.0) & gt(a, 0x1p-60), reflected, positive);
  return select(eq(a, kInf), kInf, y);
}

// Below 2: (a - root) P(a), one further up for a < 1. Beyond: shifted up to the series.
Expr digammaOfPositive(const Expr &a) {
  Expr below = lt(a, 1.0), x = select(below, a + 1.0, a);
  Expr near = ((x - kDigammaRoot[0]) - kDigammaRoot[1]) * horner(x - 1.5, kDigamma);
  near = near - select(below, 1.0 / a, 0.0);
  // 1/y + 1/(y + 1) + ... as one fraction.
  Expr y = a, above = a.constant(0.0), under = a.constant(1.0);
  for (int i = 0; i < 6; ++i) {
    Expr small = lt(y, kSeriesFrom);
    above = select(small, fma(above, y, under), above);
    under = select(small, under * y, under);
    y = select(small, y + 1.0, y);
  }
  Expr inverse = 1.0 / y, z = inverse * inverse;
  Expr series = fma(inverse, 0.5, z * horner(z, kDigammaSeries));
  Expr far = (emitLog(y) - series) - above / under;
  return select(lt(a, 2.0), near, far);
}

// For negative x, digamma(1 - x) - pi / tan(pi x); not defined at 0 and negative integers.
Expr digammaInDouble(const Expr &x) {
  Expr negative = lt(x, 0.0);
  Expr positive = digammaOfPositive(select(negative, 1.0 - x, x));
  Expr r = fromInteger(x);
  HalfTurn turn = halfTurn(r);
  Expr y = select(negative, positive - kPi * turn.cos / turn.sin, positive);
  return select(le(x, 0.0) & eq(r, 0.0), kNan, y);
}

// The sum of at least nine terms, up to 9, and the rest by Euler and Maclaurin (as Cephes). Poles
// and what has no value: q at whole numbers below one, unless x is even; negative q, unless x is
// whole; x < 1.
Expr zetaInDouble(const Expr &x, const Expr &q) {
  constexpr double least = -1e6; // as many terms
  Expr start = select(gt(q, least), q, 9.0), none = x.constant(0.0);
  auto goesOn = [](llvm::ArrayRef<Expr> v) { return lt(v[2], 9.0) | lt(v[1], 9.0); };
  Exprs sum = whileAny({none, start, none}, goesOn, [&](llvm::ArrayRef<Expr> v) -> Exprs {
    Expr more = goesOn(v);
    return {select(more, v[0] + emitPow(v[1], -x), v[0]), select(more, v[1] + 1.0, v[1]),
            v[2] + 1.0};
  });
  Expr w = sum[1], power = emitPow(w, -x), inverse = 1.0 / w, term = power * (x * inverse);
  Expr integral = emitPow(w, 1.0 - x) / (x - 1.0), rest = fma(power, 0.5, integral);
  for (auto [i, coefficient] : llvm::enumerate(kZetaSeries)) {
    rest = fma(term, coefficient, rest);
    term = term * ((x + (2.0 * i + 1)) * inverse) * ((x + (2.0 * i + 2)) * inverse);
  }
  Expr total = sum[0] + select(eq(power, 0.0), integral, rest);
  Expr half = 0.5 * x;
  Expr evenX = eq(half, floor(half)) & gt(x, 1.0) & lt(x, kInf),
       pole = le(q, 0.0) & eq(q, floor(q));
  Expr undefined = lt(x, 1.0) | isNan(x) | isNan(q) | le(q, least) |
                   select(pole, evenX ^ -1, lt(q, 0.0) & ne(x, floor(x)));
  return select(eq(x, 1.0) | (pole & evenX), kInf, select(undefined, kNan, total));
}

} // namespace

Expr emitLgamma(const Expr &x) {
  return inDouble({x}, [](llvm::ArrayRef<Expr> v) { return lgammaInDouble(v[0]); });
}

Expr emitDigamma(const Expr &x) {
  return inDouble({x}, [](llvm::ArrayRef<Expr> v) { return digammaInDouble(v[0]); });
}

Expr emitZeta(const Expr &x, const Expr &q) {
  return inDouble({x, q}, [](llvm::ArrayRef<Expr> v) { return zetaInDouble(v[0], v[1]); });
}

} // namespace weir::codegen
