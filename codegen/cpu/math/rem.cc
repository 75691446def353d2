// Floating point remainder, exact as C's fmod: x - trunc(x / y) y. One division and one
// multiply-add where the quotient fits a float; a loop brings larger quotients down 22 (51) bits a
// round.

#include "codegen/cpu/math/functions.h"

#include <limits>

namespace weir::codegen {
namespace {

/// a - trunc(a / c) c, exact, where a / c is below 2^mantissaBits. The quotient may round up by
/// one.
Expr reduceOnce(const Expr &a, const Expr &c) {
  Expr r = fma(-trunc(a / c), c, a);
  return select(lt(r, 0.0), r + c, r);
}

} // namespace

Expr emitFloatRem(const Expr &x, const Expr &y) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const FloatFormat &format = formatOf(x);
  double limit = static_cast<double>(int64_t(1) << format.mantissaBits);
  Expr a = abs(x), c = abs(y);
  Expr valid = lt(a, kInf) & gt(c, 0.0);
  // A multiple of c that is a normal number, so that powers of two can be added to its exponent.
  Expr normal = select(lt(c, format.minNormal), c * limit, c);
  Expr exponent = bits(normal) >> format.mantissaBits;
  Exprs reduced = whileAny(
      select(valid, a, 0.0), [&](llvm::ArrayRef<Expr> v) { return ge(v[0] / c, limit) & valid; },
      [&](llvm::ArrayRef<Expr> v) -> Exprs {
        const Expr &r = v[0];
        Expr excess = (bits(r) >> format.mantissaBits) - exponent - (format.mantissaBits - 1);
        Expr step =
            asFloat(bits(normal) + (select(lt(excess, 0), 0, excess) << format.mantissaBits));
        return {select(ge(r, step), reduceOnce(r, step), r)};
      });
  Expr rest = reduced[0];
  rest = select(lt(rest, c), rest, reduceOnce(rest, c));
  return select(valid, copySign(rest, x), std::numeric_limits<double>::quiet_NaN());
}

} // namespace weir::codegen
