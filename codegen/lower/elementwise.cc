// The bridge to codegen/cpu/math, and what an op costs.
#include "codegen/lower/elementwise.h"

#include "codegen/cpu/math/math.h"
#include "codegen/lower/bodies.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weir::codegen {

Value emitNamed(KernelBuilder &k, StringRef name, Type element, ValueRange operands) {
  ImplicitLocOpBuilder b(k.loc, k.b);
  return emitElementwise(b, name, operands, k.target, element.isUnsignedInteger());
}

Value emitElementwise(KernelBuilder &k, Operation *op, ValueRange operands) {
  ImplicitLocOpBuilder b(k.loc, k.b);
  Type from = getElementTypeOrSelf(op->getOperands().back().getType());
  Type to = getElementTypeOrSelf(op->getResult(0).getType());
  StringRef name = op->getName().stripDialect();
  Value result =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](ir::CompareOp compare) {
            return emitComparison(k, ir::stringifyCompareDirection(compare.getDirection()), from,
                                  operands[0], operands[1]);
          })
          .Case([&](ir::ConvertOp) { return emitConvert(b, operands[0], from, to); })
          .Case([&](ir::BitcastOp) { return emitBitcast(b, operands[0], from, to); })
          .Default([&](Operation *) {
            const ElementwiseBody *body = ElementwiseBodies::find(op);
            Value value =
                body ? (*body)(b, op, operands, k.target) : emitNamed(k, name, from, operands);
            return !value || (!body && isExact(name)) ? value : k.round(value, to);
          });
  if (!result)
    op->emitError() << "has no body for " << KernelBuilder::elementOf(operands[0])
                    << "; add one to codegen/cpu/math";
  return result;
}

Value emitComparison(KernelBuilder &k, StringRef direction, Type element, Value lhs, Value rhs) {
  ImplicitLocOpBuilder b(k.loc, k.b);
  return emitCompare(b, direction, lhs, rhs, element.isUnsignedInteger());
}

Value emitSortKey(KernelBuilder &k, Value x, Type element, bool descending) {
  ImplicitLocOpBuilder b(k.loc, k.b);
  return emitSortKey(b, x, element.isUnsignedInteger(), descending);
}

/// The four words of each counter (i32 or i64).
static std::array<Value, 4> randomWords(KernelBuilder &k, Value counter, Value low, Value high) {
  ImplicitLocOpBuilder b(k.loc, k.b);
  Type i32 = k.b.getI32Type();
  Value zero = k.constantInt(i32, 0, KernelBuilder::lanesOf(counter));
  bool wide = KernelBuilder::elementOf(counter).isInteger(64);
  Value upper = wide ? k.castInt(k.divide(counter, int64_t(1) << 32), i32) : zero;
  return emitPhilox(b, {low, high}, {k.castInt(counter, i32), upper, zero, zero});
}

Value emitRandomWord(KernelBuilder &k, Value index, Value low, Value high) {
  Type i32 = k.b.getI32Type();
  std::array<Value, 4> words = randomWords(k, k.divide(index, 4), low, high);
  Value word = k.castInt(k.remainder(index, 4), i32), picked = words[3];
  for (int64_t i = 3; i-- > 0;) {
    Value isThis = k.equal(word, k.constantInt(i32, i, KernelBuilder::lanesOf(index)));
    picked = k.select(isThis, words[i], picked);
  }
  return picked;
}

Value emitRandomRun(KernelBuilder &k, Value counters, Value low, Value high) {
  std::array<Value, 4> words = randomWords(k, counters, low, high);
  int64_t count = KernelBuilder::lanesOf(counters);
  SmallVector<int64_t> singles, pairs;
  for (int64_t i = 0; i < count; ++i) {
    singles.append({i, count + i});
    pairs.append({2 * i, 2 * i + 1, 2 * (count + i), 2 * (count + i) + 1});
  }
  return k.shuffle(k.shuffle(words[0], words[1], singles), k.shuffle(words[2], words[3], singles),
                   pairs);
}

int costOf(Operation *op) {
  return llvm::StringSwitch<int>(op->getName().stripDialect())
      .Cases({"div", "sqrt", "rsqrt", "floor", "ceil", "round", "round_even", "popcnt"}, 4)
      .Cases({"exp", "log", "logistic", "tanh", "erf", "expm1", "log1p", "cbrt"}, 20)
      .Cases({"sin", "cos", "tan", "pow", "atan2", "rem"}, 40)
      .Cases({"erfc", "erf_inv", "lgamma", "digamma"}, 100)
      .Case("zeta", 1000)
      .Default(1);
}

} // namespace weir::codegen
