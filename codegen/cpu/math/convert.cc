// Conversions between element types, comparisons and bit casts.

#include "codegen/cpu/math/functions.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

namespace weir::codegen {
namespace {

/// Rounds to zero; out of range saturates, NaN is 0. The conversion itself only sees values in
/// range.
Expr saturatingToUnsigned(const Expr &x, mlir::Type to) {
  double limit = std::ldexp(1.0, to.getIntOrFloatBitWidth());
  Expr inside = toUnsigned(select(ge(x, 0.0) & lt(x, limit), x, 0.0), to);
  return select(ge(x, limit), x.constant(to, -1), inside);
}
Expr saturatingToInt(const Expr &x, mlir::Type to) {
  double limit = std::ldexp(1.0, to.getIntOrFloatBitWidth() - 1);
  Expr fits = ge(x, -limit) & lt(x, limit);
  Expr inside = toInt(select(fits, x, 0.0), to);
  int64_t least = static_cast<int64_t>(-limit);
  Expr top = x.constant(to, -(least + 1)), bottom = x.constant(to, least);
  return select(ge(x, limit), top, select(lt(x, -limit), bottom, inside));
}

bool isHalf(mlir::Type type) {
  return llvm::isa<mlir::FloatType>(type) && type.getIntOrFloatBitWidth() == 16;
}

/// An integer of 64 bits whose low 11 bits only say whether there are any, where it is so large
/// that f64 does not hold it: then it does, and what is rounded from it is rounded once.
Expr withStickyBits(const Expr &x, bool isUnsigned) {
  Expr high = shiftRightSigned(x, 53);
  Expr isSmall = isUnsigned ? eq(x >> 53, 0) : eq(high, 0) | eq(high, -1);
  Expr sticky = select(eq(x & 0x7ff, 0), 0, x.constant(0x800));
  return select(isSmall, x, (x | sticky) & ~int64_t(0x7ff));
}

Expr intToFloat(const Expr &x, bool isUnsigned, mlir::Type to) {
  auto *convert = isUnsigned ? toFloatUnsigned : toFloat;
  if (!isHalf(to)) return convert(x, to);
  // f32 holds i16, and f64 all but i64.
  if (x.width() <= 16) return roundToHalf(convert(x, x.b->getF32Type()), to);
  Expr exact = x.width() == 64 ? withStickyBits(x, isUnsigned) : x;
  return roundToHalf(roundToOdd(convert(exact, x.b->getF64Type())), to);
}

Expr floatToFloat(const Expr &x, mlir::Type from, mlir::Type to) {
  if (!isHalf(to)) return resize(x, to);
  return roundToHalf(from.isF64() ? roundToOdd(x) : x, to);
}

Expr convert(const Expr &x, mlir::Type from, mlir::Type to) {
  bool toFloatType = llvm::isa<mlir::FloatType>(to);
  mlir::Type computed = computedType(to);
  if (from == to) return x;
  if (to.isInteger(1)) return ne(x, 0);
  if (from.isInteger(1) && toFloatType)
    return select(x, x.constant(computed, 1.0), x.constant(computed, 0.0));
  if (x.isFloat() && toFloatType) return floatToFloat(x, from, to);
  if (x.isFloat())
    return to.isUnsignedInteger() ? saturatingToUnsigned(x, computed)
                                  : saturatingToInt(x, computed);
  bool isUnsigned = from.isInteger(1) || from.isUnsignedInteger();
  if (toFloatType) return intToFloat(x, isUnsigned, to);
  bool widens = x.width() < computed.getIntOrFloatBitWidth();
  return widens && isUnsigned ? zeroExtend(x, computed) : resize(x, computed);
}

} // namespace

mlir::Type computedType(mlir::Type element) {
  mlir::MLIRContext *context = element.getContext();
  if (isHalf(element)) return mlir::Float32Type::get(context);
  if (!element.isUnsignedInteger()) return element;
  return mlir::IntegerType::get(context, element.getIntOrFloatBitWidth());
}

mlir::Value emitConvert(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type from,
                        mlir::Type to) {
  TargetInfo target;
  return convert(Expr{&b, &target, x}, from, to).value;
}

mlir::Value emitBitcast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type from,
                        mlir::Type to) {
  TargetInfo target;
  Expr e{&b, &target, x};
  if (from == to) return x;
  if (isHalf(from)) e = halfBits(e, from);
  if (from.isInteger(1)) e = zeroExtend(e, b.getI8Type());
  if (isHalf(to)) return halfFromBits(e, to).value;
  if (to.isInteger(1)) return ne(e & 1, 0).value;
  mlir::Type computed = computedType(to);
  return e.element() == computed ? e.value : bitcastTo(e, computed).value;
}

mlir::Value emitSortKey(mlir::ImplicitLocOpBuilder &b, mlir::Value x, bool isUnsigned,
                        bool descending) {
  TargetInfo target;
  Expr e{&b, &target, x}, key = e;
  if (e.isFloat()) {
    // Bits of negative numbers grow away from zero: all but the sign are turned around.
    Expr raw = bits(e + 0.0), signs = shiftRightSigned(raw, e.width() - 1);
    int64_t most = e.width() == 64 ? INT64_MAX : INT32_MAX;
    key = select(isNan(e), most, raw ^ (signs & most));
  } else if (e.width() < 32) {
    bool extendsZeros = isUnsigned || e.width() == 1;
    key = extendsZeros ? zeroExtend(e, b.getI32Type()) : resize(e, b.getI32Type());
  } else if (isUnsigned) {
    key = e ^ least(e);
  }
  return (descending ? key ^ -1 : key).value;
}

mlir::Value emitCompare(mlir::ImplicitLocOpBuilder &b, llvm::StringRef direction, mlir::Value lhs,
                        mlir::Value rhs, bool isUnsigned) {
  using Compare = Expr (*)(const Operand &, const Operand &);
  auto compare = llvm::StringSwitch<Compare>(direction)
                     .Case("eq", eq)
                     .Case("ne", ne)
                     .Case("lt", lt)
                     .Case("le", le)
                     .Case("gt", gt)
                     .Case("ge", ge)
                     .Default(nullptr);
  if (!compare) return {};
  TargetInfo target;
  Expr l{&b, &target, lhs}, r{&b, &target, rhs};
  if (l.width() == 1) { // as 0 and 1, not as a sign
    l = zeroExtend(l, b.getI32Type());
    r = zeroExtend(r, b.getI32Type());
  }
  if (isUnsigned) { // in the order of signed numbers
    l = l ^ least(l);
    r = r ^ least(r);
  }
  return compare(l, r).value;
}

} // namespace weir::codegen
