// f16 and bf16: values are f32 that these types hold. Rounding and narrowing of bf16 is integer
// arithmetic, because without an instruction for it LLVM would call a function; f16 has
// instructions on every CPU of our levels.
#include "codegen/cpu/math/functions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace weir::codegen {

// Where rounding to nearest was not exact and gave an even number, the odd one lies on the other
// side of x.
Expr roundToOdd(const Expr &x) {
  mlir::Type f32 = x.b->getF32Type(), f64 = x.b->getF64Type();
  Expr nearest = resize(x, f32), back = resize(nearest, f64);
  Expr raw = bits(nearest);
  Expr isInexact = lt(back, x) | gt(back, x);
  Expr isAbove = gt(abs(back), abs(x));
  Expr odd = select(isAbove, raw - 1, raw + 1);
  return asFloat(select(isInexact & eq(raw & 1, 0), odd, raw));
}

/// f32 bits whose upper half is the nearest bf16.
static Expr roundBits(const Expr &x) {
  Expr raw = bits(x);
  Expr rounded = raw + (((raw >> 16) & 1) + 0x7fff);
  return select(isNan(x), raw | 0x400000, rounded);
}

Expr roundToHalf(const Expr &x, mlir::Type half) {
  if (half.isBF16()) return asFloat(roundBits(x) & int64_t(0xffff0000));
  return resize(resize(x, half), x.element());
}

Expr halfBits(const Expr &x, mlir::Type half) {
  mlir::Type i16 = x.b->getIntegerType(16);
  if (half.isBF16()) return resize(bits(x) >> 16, i16);
  return bits(resize(x, half));
}

Expr halfFromBits(const Expr &bits, mlir::Type half) {
  mlir::Type f32 = bits.b->getF32Type();
  if (half.isBF16()) return asFloat(zeroExtend(bits, bits.b->getI32Type()) << 16);
  return resize(bitcastTo(bits, half), f32);
}

mlir::Value emitRound(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type half) {
  TargetInfo target;
  return roundToHalf(Expr{&b, &target, x}, half).value;
}

mlir::Value emitWiden(mlir::ImplicitLocOpBuilder &b, mlir::Value stored, mlir::Type half) {
  TargetInfo target;
  Expr e{&b, &target, stored};
  return half.isBF16() ? halfFromBits(e, half).value : resize(e, b.getF32Type()).value;
}

mlir::Value emitNarrow(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type half,
                       bool isRounded) {
  TargetInfo target;
  Expr e{&b, &target, x};
  if (half.isF16()) return resize(e, half).value;
  Expr upper = isRounded ? bits(e) : roundBits(e);
  return resize(upper >> 16, b.getIntegerType(16)).value;
}

} // namespace weir::codegen
