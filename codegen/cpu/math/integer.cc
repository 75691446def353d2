// Integer functions, defined for every operand: x / 0 = -1, x rem 0 = x, MIN / -1 = MIN, a shift by
// the width or more gives 0 (or the sign), a negative power is 1 / x^|y|. Nothing traps.

#include "codegen/cpu/math/functions.h"

namespace weir::codegen {
namespace {

/// The divisor, or 1 where the processor would trap.
Expr safeDivisor(const Expr &x, const Expr &y) {
  return select(eq(y, 0) | (eq(y, -1) & eq(x, least(x))), 1, y);
}

/// x / y for a divisor that does not trap. Vectors go through a float that holds the integers,
/// whose quotient is exact after truncation, because vector units have no integer division.
Expr divide(const Expr &x, const Expr &y) {
  if (!x.lanes() || x.width() == 64) return quotient(x, y);
  mlir::Type real = x.width() == 32 ? x.b->getF64Type() : mlir::Type(x.b->getF32Type());
  return toInt(toFloat(x, real) / toFloat(y, real), x.element());
}
Expr divideUnsigned(const Expr &x, const Expr &y) {
  if (!x.lanes() || x.width() == 64) return quotientUnsigned(x, y);
  mlir::Type real = x.width() == 32 ? x.b->getF64Type() : mlir::Type(x.b->getF32Type());
  return toUnsigned(toFloatUnsigned(x, real) / toFloatUnsigned(y, real), x.element());
}

} // namespace

Expr least(const Expr &x) {
  return x.constant(int64_t(uint64_t(1) << (x.width() - 1)));
}

Expr emitIntDiv(const Expr &x, const Expr &y) {
  return select(eq(y, 0), -1, divide(x, safeDivisor(x, y)));
}

Expr emitIntRem(const Expr &x, const Expr &y) {
  Expr divisor = safeDivisor(x, y);
  return select(eq(y, 0), x, x - divide(x, divisor) * divisor);
}

Expr emitUnsignedDiv(const Expr &x, const Expr &y) {
  Expr isZero = eq(y, 0);
  return select(isZero, -1, divideUnsigned(x, select(isZero, 1, y)));
}

Expr emitUnsignedRem(const Expr &x, const Expr &y) {
  Expr isZero = eq(y, 0), divisor = select(isZero, 1, y);
  return select(isZero, x, x - divideUnsigned(x, divisor) * divisor);
}

// By squaring, one bit of the exponent after the other.
Expr emitUnsignedPow(const Expr &x, const Expr &y) {
  Expr result = x.constant(1), base = x;
  for (unsigned bit = 0; bit < x.width(); ++bit) {
    result = select(eq((y >> bit) & 1, 0), result, result * base);
    if (bit + 1 < x.width()) base = base * base;
  }
  return result;
}

Expr emitIntPow(const Expr &x, const Expr &y) {
  Expr result = x.constant(1), base = x;
  for (unsigned bit = 0; bit < x.width() - 1; ++bit) {
    result = select(eq((y >> bit) & 1, 0), result, result * base);
    if (bit + 2 < x.width()) base = base * base;
  }
  Expr odd = eq(y & 1, 1);
  Expr negative = select(
      eq(x, 1), 1,
      select(eq(x, -1), select(odd, -1, x.constant(1)), select(eq(x, 0), -1, x.constant(0))));
  return select(lt(y, 0), negative, result);
}

Expr emitShiftLeft(const Expr &x, const Expr &amount) {
  Expr fits = below(amount, x.width());
  return select(fits, x << select(fits, amount, 0), 0);
}

Expr emitShiftRightLogical(const Expr &x, const Expr &amount) {
  Expr fits = below(amount, x.width());
  return select(fits, x >> select(fits, amount, 0), 0);
}

Expr emitShiftRightArithmetic(const Expr &x, const Expr &amount) {
  return shiftRightSigned(x, select(below(amount, x.width()), amount, x.width() - 1));
}

} // namespace weir::codegen
