// One op for one op, mostly; and what StableHLO does not take for every dtype.
#include "frontend/export/stablehlo/emitter.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// weir's name and StableHLO's (or CHLO's).
constexpr std::pair<StringRef, StringRef> kNames[] = {
    {"neg", "stablehlo.negate"},
    {"exp", "stablehlo.exponential"},
    {"expm1", "stablehlo.exponential_minus_one"},
    {"log", "stablehlo.log"},
    {"log1p", "stablehlo.log_plus_one"},
    {"sqrt", "stablehlo.sqrt"},
    {"rsqrt", "stablehlo.rsqrt"},
    {"cbrt", "stablehlo.cbrt"},
    {"tanh", "stablehlo.tanh"},
    {"logistic", "stablehlo.logistic"},
    {"sin", "stablehlo.sine"},
    {"cos", "stablehlo.cosine"},
    {"tan", "stablehlo.tan"},
    {"erf", "chlo.erf"},
    {"erfc", "chlo.erfc"},
    {"erf_inv", "chlo.erf_inv"},
    {"lgamma", "chlo.lgamma"},
    {"digamma", "chlo.digamma"},
    {"zeta", "chlo.zeta"},
    {"floor", "stablehlo.floor"},
    {"ceil", "stablehlo.ceil"},
    {"round", "stablehlo.round_nearest_afz"},
    {"round_even", "stablehlo.round_nearest_even"},
    {"is_finite", "stablehlo.is_finite"},
    {"not", "stablehlo.not"},
    {"popcnt", "stablehlo.popcnt"},
    {"count_leading_zeros", "stablehlo.count_leading_zeros"},
    {"add", "stablehlo.add"},
    {"sub", "stablehlo.subtract"},
    {"mul", "stablehlo.multiply"},
    {"div", "stablehlo.divide"},
    {"rem", "stablehlo.remainder"},
    {"pow", "stablehlo.power"},
    {"max", "stablehlo.maximum"},
    {"min", "stablehlo.minimum"},
    {"atan2", "stablehlo.atan2"},
    {"and", "stablehlo.and"},
    {"or", "stablehlo.or"},
    {"xor", "stablehlo.xor"},
    {"shift_left", "stablehlo.shift_left"},
    {"shift_right_logical", "stablehlo.shift_right_logical"},
    {"shift_right_arithmetic", "stablehlo.shift_right_arithmetic"},
    {"select", "stablehlo.select"},
    {"convert", "stablehlo.convert"},
    {"bitcast", "stablehlo.bitcast_convert"},
};

Values direct(Emitter &e, Operation *op) {
  for (const auto &[name, target] : kNames)
    if (name == op->getName().stripDialect())
      return e.ops(target, e.operands(op), op->getResultTypes());
  llvm_unreachable("the rule is registered for the names of the table");
}

bool isUnsigned(Operation *op) {
  return typeOf(op->getOperand(0)).getElementType().isUnsignedInteger();
}

Values absRule(Emitter &e, Operation *op) {
  if (isUnsigned(op)) return e.operands(op);
  return {e.same("abs", e.operands(op))};
}

Values signRule(Emitter &e, Operation *op) {
  if (!isUnsigned(op)) return {e.same("sign", e.operands(op))};
  return {e.same("minimum", {e.operands(op)[0], e.splat(op->getOperand(0).getType(), 1)})};
}

Values compareRule(Emitter &e, Operation *op) {
  const auto direction = cast<ir::CompareOp>(op).getDirection();
  return {e.compare(ir::stringifyCompareDirection(direction).upper(), e.operands(op)[0],
                    e.operands(op)[1])};
}

} // namespace

void addElementwiseRules(Rules &rules) {
  for (const auto &[name, target] : kNames) rules[name] = direct;
  rules["abs"] = absRule;
  rules["sign"] = signRule;
  rules["compare"] = compareRule;
}

} // namespace weir::stablehlo
