// The functions behind the table in math.cc, and the pieces that they share. Floats are f32 or f64
// unless a comment says otherwise; names follow the ops.

#pragma once

#include "codegen/cpu/math/expr.h"

namespace weir::codegen {

/// What differs between f32 and f64 in the formulas below.
struct FloatFormat {
  int mantissaBits, bias;
  double roundingMagic;   // adding it rounds to an integer, which is then in the low bits
  double minNormal;       // the least normal number
  double tiny;            // below it f(x) = x for sin, tan, expm1, log1p
  double expLow, expHigh; // exp is 0 below, infinite above
  llvm::ArrayRef<double> expPoly, ln2;
};
const FloatFormat &formatOf(const Expr &x);

inline constexpr double kLog2E = 0x1.71547652b82fep+0;

/// exp's range reduction: x = n ln(2) + r, |r| <= ln(2)/2. The low bits of `sum` hold n + offset.
struct ExpReduction {
  Expr sum, n, r;
};
/// `exact`: with ln(2) as two floats; else as one, for small n.
ExpReduction reduceExp(const Expr &x, int offset = 0, bool exact = true);
/// 2^(n + offset) for a reduction whose offset is the format's bias + offset; a normal number.
Expr powerOfTwo(const ExpReduction &reduced);
/// exp(x + low) for expLow <= x <= expHigh (or NaN); `low` is a small correction or null.
Expr expInRange(const Expr &x, const Expr *low = nullptr);

/// exp(x) + c, rounded once more, where exp(x) is normal and either x is small or exp(x) is.
Expr expPlus(const Expr &x, double c);

/// x = m 2^n with m in [3/4, 3/2), for finite x > 0; n is a float.
struct LogReduction {
  Expr n, m;
};
LogReduction reduceLog(const Expr &x);

/// An angle as quadrant pi/2 + r, |r| <= pi/4; the quadrant is in the low two bits.
struct Angle {
  Expr r, quadrant;
};
/// `reduced`, with the lanes where f64 `x` is finite and at least `limit` reduced exactly; `limit`
/// is 2^45 or more. Rarely taken, so one lane at a time.
Angle reduceHuge(const Expr &x, double limit, const Angle &reduced);

/// Where a function of f32 is computed in f64: the arguments widened, the result narrowed.
Expr inDouble(llvm::ArrayRef<Expr> x, llvm::function_ref<Expr(llvm::ArrayRef<Expr>)> f);
/// Whether the sign bit is set.
Expr signBit(const Expr &x);

// exp_log.cc
Expr emitExp(const Expr &x);
Expr emitExpm1(const Expr &x);
Expr emitLog(const Expr &x);
Expr emitLog1p(const Expr &x);
// trig.cc
Expr emitSin(const Expr &x);
Expr emitCos(const Expr &x);
Expr emitTan(const Expr &x);
Expr emitAtan2(const Expr &y, const Expr &x);
// erfc.cc
Expr emitErfc(const Expr &x);
Expr emitErfInv(const Expr &x);
// gamma.cc
Expr emitLgamma(const Expr &x);
Expr emitDigamma(const Expr &x);
Expr emitZeta(const Expr &x, const Expr &q);
// erf_tanh.cc
Expr emitErf(const Expr &x);
Expr emitTanh(const Expr &x);
Expr emitLogistic(const Expr &x);
// pow.cc
Expr emitPow(const Expr &x, const Expr &y);
Expr emitCbrt(const Expr &x);
// rem.cc
Expr emitFloatRem(const Expr &x, const Expr &y);
// half.cc
/// f64 to f32 towards the odd of its two neighbours: rounding that to f16 or bf16 rounds once.
Expr roundToOdd(const Expr &x);
/// The f32 nearest to f32 x that f16 (bf16) holds.
Expr roundToHalf(const Expr &x, mlir::Type half);
/// The bits of a number of f16 (bf16) held as f32, as i16, and back.
Expr halfBits(const Expr &x, mlir::Type half);
Expr halfFromBits(const Expr &bits, mlir::Type half);
// integer.cc
/// The least signed integer: the sign bit alone.
Expr least(const Expr &x);
Expr emitIntPow(const Expr &x, const Expr &y);
Expr emitIntDiv(const Expr &x, const Expr &y);
Expr emitIntRem(const Expr &x, const Expr &y);
Expr emitUnsignedDiv(const Expr &x, const Expr &y);
Expr emitUnsignedRem(const Expr &x, const Expr &y);
Expr emitUnsignedPow(const Expr &x, const Expr &y);
Expr emitShiftLeft(const Expr &x, const Expr &amount);
Expr emitShiftRightLogical(const Expr &x, const Expr &amount);
Expr emitShiftRightArithmetic(const Expr &x, const Expr &amount);

} // namespace weir::codegen
