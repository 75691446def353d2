// The table of elementwise functions: one line an op, with the element types that it takes.

#include "codegen/cpu/math/math.h"
#include "codegen/cpu/math/functions.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

#include <limits>

namespace weir::codegen {
namespace {

using Args = llvm::ArrayRef<Expr>;
using Emit = Expr (*)(Args);

/// The functions of an op for floats and for integers; null where it has none.
struct Row {
  unsigned arity;
  Emit onFloat, onInt;
  bool takesBool = false;    // onInt serves i1 as well
  Emit onUnsigned = nullptr; // where it is not onInt
};

template <Expr f(const Expr &)> Expr unary(Args x) {
  return f(x[0]);
}
template <Expr f(const Expr &, const Expr &)> Expr binary(Args x) {
  return f(x[0], x[1]);
}

constexpr Emit add = [](Args x) { return x[0] + x[1]; };
constexpr Emit sub = [](Args x) { return x[0] - x[1]; };
constexpr Emit mul = [](Args x) { return x[0] * x[1]; };
constexpr Emit div = [](Args x) { return x[0] / x[1]; };
constexpr Emit neg = [](Args x) { return -x[0]; };
constexpr Emit rsqrt = [](Args x) { return 1.0 / sqrt(x[0]); };
constexpr Emit bitAnd = [](Args x) { return x[0] & x[1]; };
constexpr Emit bitOr = [](Args x) { return x[0] | x[1]; };
constexpr Emit bitXor = [](Args x) { return x[0] ^ x[1]; };
constexpr Emit bitNot = [](Args x) { return x[0] ^ -1; };
constexpr Emit same = [](Args x) { return x[0]; };
constexpr Emit signUnsigned = [](Args x) { return select(eq(x[0], 0), 0, x[0].constant(1)); };
constexpr Emit choose = [](Args x) { return select(x[0], x[1], x[2]); };

Expr isFinite(Args x) {
  return lt(abs(x[0]), std::numeric_limits<double>::infinity());
}
// Half away from zero: the number just below 1/2 does not carry what is below a half.
Expr roundAway(Args x) {
  double half = x[0].width() == 32 ? 0x1.fffffep-2 : 0x1.fffffffffffffp-2;
  return trunc(x[0] + copySign(half, x[0]));
}
Expr signFloat(Args x) {
  return select(isNan(x[0]) | eq(x[0], 0.0), x[0], copySign(1.0, x[0]));
}
Expr signInt(Args x) {
  return select(gt(x[0], 0), 1, select(lt(x[0], 0), x[0].constant(-1), x[0].constant(0)));
}

const llvm::StringMap<Row> &table() {
  static const llvm::StringMap<Row> rows = {
      {"abs", {1, unary<abs>, unary<abs>, false, same}},
      {"neg", {1, neg, neg}},
      {"sign", {1, signFloat, signInt, false, signUnsigned}},
      {"exp", {1, unary<emitExp>, nullptr}},
      {"expm1", {1, unary<emitExpm1>, nullptr}},
      {"log", {1, unary<emitLog>, nullptr}},
      {"log1p", {1, unary<emitLog1p>, nullptr}},
      {"sqrt", {1, unary<sqrt>, nullptr}},
      {"rsqrt", {1, rsqrt, nullptr}},
      {"cbrt", {1, unary<emitCbrt>, nullptr}},
      {"tanh", {1, unary<emitTanh>, nullptr}},
      {"logistic", {1, unary<emitLogistic>, nullptr}},
      {"sin", {1, unary<emitSin>, nullptr}},
      {"cos", {1, unary<emitCos>, nullptr}},
      {"tan", {1, unary<emitTan>, nullptr}},
      {"erf", {1, unary<emitErf>, nullptr}},
      {"erfc", {1, unary<emitErfc>, nullptr}},
      {"erf_inv", {1, unary<emitErfInv>, nullptr}},
      {"lgamma", {1, unary<emitLgamma>, nullptr}},
      {"digamma", {1, unary<emitDigamma>, nullptr}},
      {"floor", {1, unary<floor>, nullptr}},
      {"ceil", {1, unary<ceil>, nullptr}},
      {"round", {1, roundAway, nullptr}},
      {"round_even", {1, unary<roundEven>, nullptr}},
      {"is_finite", {1, isFinite, nullptr}},
      {"popcnt", {1, nullptr, unary<countOnes>}},
      {"count_leading_zeros", {1, nullptr, unary<countLeadingZeros>}},
      {"not", {1, nullptr, bitNot, true}},
      {"add", {2, add, add}},
      {"sub", {2, sub, sub}},
      {"mul", {2, mul, mul}},
      {"div", {2, div, binary<emitIntDiv>, false, binary<emitUnsignedDiv>}},
      {"rem", {2, binary<emitFloatRem>, binary<emitIntRem>, false, binary<emitUnsignedRem>}},
      {"pow", {2, binary<emitPow>, binary<emitIntPow>, false, binary<emitUnsignedPow>}},
      {"atan2", {2, binary<emitAtan2>, nullptr}},
      {"zeta", {2, binary<emitZeta>, nullptr}},
      {"max", {2, binary<maximum>, binary<maximum>, false, binary<maximumUnsigned>}},
      {"min", {2, binary<minimum>, binary<minimum>, false, binary<minimumUnsigned>}},
      {"and", {2, nullptr, bitAnd, true}},
      {"or", {2, nullptr, bitOr, true}},
      {"xor", {2, nullptr, bitXor, true}},
      {"shift_left", {2, nullptr, binary<emitShiftLeft>}},
      {"shift_right_logical", {2, nullptr, binary<emitShiftRightLogical>}},
      {"shift_right_arithmetic", {2, nullptr, binary<emitShiftRightArithmetic>}},
      {"select", {3, choose, choose, true}},
  };
  return rows;
}

} // namespace

bool isElementwise(llvm::StringRef op) {
  return table().contains(op) || op == "compare" || op == "convert" || op == "bitcast";
}

bool isExact(llvm::StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"abs", "neg", "sign", "floor", "ceil", "round", "round_even"}, true)
      .Cases({"max", "min", "rem", "select"}, true)
      .Default(false);
}

mlir::Value emitElementwise(mlir::ImplicitLocOpBuilder &b, llvm::StringRef op,
                            mlir::ValueRange operands, const TargetInfo &target, bool isUnsigned) {
  auto row = table().find(op);
  if (row == table().end() || row->second.arity != operands.size()) return {};
  llvm::SmallVector<Expr> args;
  for (mlir::Value v : operands) args.push_back({&b, &target, v});
  const Expr &last = args.back(); // a select's first operand is its predicate
  const Row &f = row->second;
  Emit onInt = isUnsigned && f.onUnsigned ? f.onUnsigned : f.onInt;
  Emit emit = last.isFloat() ? f.onFloat : last.width() > 1 || f.takesBool ? onInt : nullptr;
  return emit ? emit(args).value : mlir::Value();
}

} // namespace weir::codegen
