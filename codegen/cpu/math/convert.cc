// Conversions between element types, comparisons and bit casts.

#include "codegen/cpu/math/functions.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

namespace weir::codegen {
namespace {

/// Rounds to zero; out of range saturates, NaN is 0. The conversion itself only sees values in
/// range.
Expr saturatingToInt(const Expr &x, mlir::Type to) {
  double limit = std::ldexp(1.0, to.getIntOrFloatBitWidth() - 1);
  Expr fits = ge(x, -limit) & lt(x, limit);
  Expr inside = toInt(select(fits, x, 0.0), to);
  int64_t least = static_cast<int64_t>(-limit);
  Expr top = x.constant(to, -(least + 1)), bottom = x.constant(to, least);
  return select(ge(x, limit), top, select(lt(x, -limit), bottom, inside));
}

Expr convert(const Expr &x, mlir::Type to) {
  bool fromBool = x.width() == 1, toFloatType = llvm::isa<mlir::FloatType>(to);
  if (x.element() == to) return x;
  if (to.isInteger(1)) return ne(x, 0);
  if (fromBool && toFloatType) return select(x, x.constant(to, 1.0), x.constant(to, 0.0));
  if (fromBool) return zeroExtend(x, to);
  if (x.isFloat() && !toFloatType) return saturatingToInt(x, to);
  if (!x.isFloat() && toFloatType) return toFloat(x, to);
  return resize(x, to);
}

} // namespace

mlir::Value emitConvert(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type to) {
  TargetInfo target;
  return convert(Expr{&b, &target, x}, to).value;
}

mlir::Value emitBitcast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type to) {
  TargetInfo target;
  Expr e{&b, &target, x};
  return e.element() == to ? x : bitcastTo(e, to).value;
}

mlir::Value emitCompare(mlir::ImplicitLocOpBuilder &b, llvm::StringRef direction, mlir::Value lhs,
                        mlir::Value rhs) {
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
  return compare(l, r).value;
}

} // namespace weir::codegen
