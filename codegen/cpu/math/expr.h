// Expressions over MLIR values: formulas of codegen/cpu/math read as C++ and emit one op an
// operator. An Expr is a scalar or a rank-1 vector of f32, f64, i1 or i8 to i64; a number beside it
// becomes a constant of the same type. Nothing is reassociated, contracted or simplified: what is
// written is what is computed, for scalars and vectors alike.

#pragma once

#include "codegen/cpu/math/math.h"

#include <concepts>
#include <optional>

namespace weir::codegen {

class Operand;

/// A value under construction, with the builder and the CPU that its users need.
struct Expr {
  mlir::ImplicitLocOpBuilder *b;
  const TargetInfo *target;
  mlir::Value value;

  /// The element type, and the width of an element in bits.
  mlir::Type element() const;
  unsigned width() const;
  bool isFloat() const;
  /// Elements of a vector; 0 for a scalar.
  int64_t lanes() const;
  /// `v`, in the setting of this expression.
  Expr of(mlir::Value v) const { return {b, target, v}; }
  /// This type with another element type.
  mlir::Type typeWith(mlir::Type element) const;
  /// A constant of this type; of the given element type.
  Expr constant(const Operand &number) const;
  Expr constant(mlir::Type element, const Operand &number) const;
};

/// What an operator takes: an expression, or a number that takes the other operand's type.
class Operand {
public:
  Operand(Expr e) : expr(e) {}
  template <std::integral T>
  Operand(T v) : real(static_cast<double>(v)), integer(static_cast<int64_t>(v)) {}
  /// Beyond the range of integers, a number of floating-point expressions alone.
  Operand(double v) : real(v), integer(v > -0x1p63 && v < 0x1p63 ? static_cast<int64_t>(v) : 0) {}

  bool isNumber() const { return !expr.value; }
  Expr like(const Expr &other) const { return isNumber() ? other.constant(*this) : expr; }

  Expr expr{};
  double real = 0;
  int64_t integer = 0;
};

/// Floating point and integer arithmetic. `/` is for floats alone.
Expr operator+(const Operand &l, const Operand &r);
Expr operator-(const Operand &l, const Operand &r);
Expr operator*(const Operand &l, const Operand &r);
Expr operator/(const Operand &l, const Operand &r);
Expr operator-(const Expr &x);
/// Bitwise, integers and i1.
Expr operator&(const Operand &l, const Operand &r);
Expr operator|(const Operand &l, const Operand &r);
Expr operator^(const Operand &l, const Operand &r);
/// Shifts; the amount is less than the width. `>>` is logical.
Expr operator<<(const Operand &l, const Operand &r);
Expr operator>>(const Operand &l, const Operand &r);
Expr shiftRightSigned(const Operand &l, const Operand &r);

/// Signed for integers; false if an operand is NaN, but for `ne`.
Expr eq(const Operand &l, const Operand &r);
Expr ne(const Operand &l, const Operand &r);
Expr lt(const Operand &l, const Operand &r);
Expr le(const Operand &l, const Operand &r);
Expr gt(const Operand &l, const Operand &r);
Expr ge(const Operand &l, const Operand &r);
Expr below(const Operand &l, const Operand &r); // unsigned
Expr isNan(const Expr &x);
Expr select(const Expr &condition, const Operand &yes, const Operand &no);

/// a * b + c, rounded once.
Expr fma(const Operand &a, const Operand &b, const Operand &c);
Expr abs(const Expr &x);
Expr sqrt(const Expr &x);
Expr floor(const Expr &x);
Expr ceil(const Expr &x);
Expr trunc(const Expr &x);
Expr roundEven(const Expr &x);
Expr copySign(const Operand &magnitude, const Expr &sign);
/// IEEE 754 minimum and maximum: a NaN operand gives NaN, -0 < +0.
Expr minimum(const Expr &l, const Expr &r);
Expr maximum(const Expr &l, const Expr &r);
Expr minimumUnsigned(const Expr &l, const Expr &r);
Expr maximumUnsigned(const Expr &l, const Expr &r);
/// The lesser (greater) of x and a number; x if it is NaN. One instruction.
Expr atMost(const Expr &x, double limit);
Expr atLeast(const Expr &x, double limit);

/// The bits of a float as an integer of its width, and back.
Expr bits(const Expr &x);
Expr asFloat(const Expr &x);
Expr bitcastTo(const Expr &x, mlir::Type element);
/// Conversions that the values permit: no rounding mode, no saturation.
Expr toFloat(const Expr &integer, mlir::Type element);
Expr toInt(const Expr &x, mlir::Type element);
Expr toFloatUnsigned(const Expr &integer, mlir::Type element);
Expr toUnsigned(const Expr &x, mlir::Type element);
Expr resize(const Expr &x, mlir::Type element); // float to float, or integer to integer (signed)
Expr zeroExtend(const Expr &x, mlir::Type element);

Expr countOnes(const Expr &x);
Expr countLeadingZeros(const Expr &x); // the width for 0

/// Signed division of integers, rounding to zero; the divisor fits.
Expr quotient(const Expr &l, const Expr &r);
Expr remainder(const Expr &l, const Expr &r);
Expr quotientUnsigned(const Expr &l, const Expr &r);
/// Low and high half of the unsigned product.
std::pair<Expr, Expr> multiplyWide(const Expr &l, const Expr &r);

/// c[0] + c[1] x + ..., by multiply-adds from the top.
Expr horner(const Expr &x, llvm::ArrayRef<double> c);
Expr hornerInto(Expr sum, const Expr &x, llvm::ArrayRef<double> c);

/// `while (any lane of condition(v)) v = body(v)`, the values v starting at `inits`.
using Exprs = llvm::SmallVector<Expr, 2>;
Exprs whileAny(llvm::ArrayRef<Expr> inits, llvm::function_ref<Expr(llvm::ArrayRef<Expr>)> condition,
               llvm::function_ref<Exprs(llvm::ArrayRef<Expr>)> body);

/// p * 2^n, n integral, rounded once, where the CPU has an instruction for this type.
std::optional<Expr> scaleInstruction(const Expr &p, const Expr &n);

} // namespace weir::codegen
