// StableHLO's elementwise ops, from a table where the meaning is one public function.
#include "frontend/import/stablehlo/op.h"

namespace weir::stablehlo {
namespace {

/// On booleans the sum and the maximum are `or`, the product and the minimum `and`.
template <Tensor (*function)(Arg, Arg), Tensor (*onBooleans)(Arg, Arg)>
TensorList binaryOrBoolean(Op &op) {
  op.expectOperands(2);
  const Tensor lhs = op.operand(0);
  return {lhs.dtype() == i1 ? onBooleans(lhs, op.operand(1)) : function(lhs, op.operand(1))};
}

TensorList compareRule(Op &op) {
  op.expectOperands(2);
  static const std::map<std::string, Direction> directions = {
      {"EQ", Direction::Eq}, {"NE", Direction::Ne}, {"LT", Direction::Lt},
      {"LE", Direction::Le}, {"GT", Direction::Gt}, {"GE", Direction::Ge}};
  auto direction = directions.find(op.word("comparison_direction", "comparison_direction", ""));
  if (direction == directions.end())
    op.fail("needs a comparison_direction EQ, NE, LT, LE, GT or GE");
  Tensor lhs = op.operand(0), rhs = op.operand(1);
  if (op.word("compare_type", "comparison_type", "NOTYPE") == "TOTALORDER") {
    lhs = totalOrderKey(lhs);
    rhs = totalOrderKey(rhs);
  }
  return {compare(lhs, rhs, direction->second)};
}

TensorList selectRule(Op &op) {
  op.expectOperands(3);
  return {select(op.operand(0), op.operand(1), op.operand(2))};
}

TensorList clampRule(Op &op) {
  op.expectOperands(3);
  return {clamp(op.operand(1), op.operand(0), op.operand(2))};
}

TensorList convertRule(Op &op) {
  op.expectOperands(1);
  return {convert(op.operand(0), op.result().dtype)};
}

/// Bits of `x` as numbers of `to`, whose width is a multiple or a part of x's: the last dim is then
/// gained or lost, lowest bits first.
Tensor bitcastAcross(Op &op, const Tensor &x, DType to) {
  const auto from = static_cast<int64_t>(8 * runtime::dtypeBytes(x.dtype()));
  const auto width = static_cast<int64_t>(8 * runtime::dtypeBytes(to));
  auto unsignedOf = [](int64_t bits) {
    return bits == 8 ? DType::U8 : bits == 16 ? DType::U16 : bits == 32 ? DType::U32 : DType::U64;
  };
  auto reinterpret = [](const Tensor &t, DType dtype) {
    return t.dtype() == dtype ? t : bitcast(t, dtype);
  };
  const Tensor bits = reinterpret(x, unsignedOf(from));
  if (from == width) return reinterpret(bits, to);
  Graph graph = x.graph();
  if (from > width) {
    const Tensor shifts = graph.iota(bits.dtype(), {from / width}) * width;
    const Tensor parts = shiftRightLogical(expandDims(bits, -1), shifts);
    return reinterpret(convert(parts, unsignedOf(width)), to);
  }
  if (x.rank() == 0 || x.dim(-1) != width / from)
    op.fail("the last dim must have " + std::to_string(width / from) + " parts of each number");
  const Tensor shifts = graph.iota(unsignedOf(width), {width / from}) * from;
  const Tensor parts = shiftLeft(convert(bits, unsignedOf(width)), shifts);
  return reinterpret(reduceSum(parts, -1), to);
}

/// The types as the text has them: bits of widened numbers are those of the narrow ones.
TensorList bitcastConvert(Op &op) {
  op.expectOperands(1);
  const TensorType from = op.narrowOperand(0), to = op.narrowResult(0);
  if (from.dtype == i1 || to.dtype == i1) op.fail("the bits of i1 have no layout");
  const Tensor bits = bitcastAcross(op, convert(op.operand(0), from.dtype), to.dtype);
  return {convert(bits, op.result().dtype)};
}

TensorList reducePrecision(Op &op) {
  op.expectOperands(1);
  const Tensor x = op.operand(0);
  const int64_t exponent = op.integer("exponent_bits"), mantissa = op.integer("mantissa_bits");
  const DType dtype = op.narrowOperand(0).dtype;
  if (mantissa >= (dtype == f64 ? 52 : 23) && exponent >= (dtype == f64 ? 11 : 8)) return {x};
  if (exponent == 8 && mantissa == 23) return {convert(convert(x, f32), x.dtype())};
  if (exponent == 5 && mantissa == 10) return {convert(convert(x, DType::F16), x.dtype())};
  if (exponent == 8 && mantissa == 7) return {convert(convert(x, DType::BF16), x.dtype())};
  op.fail("rounds to " + std::to_string(exponent) + " exponent and " + std::to_string(mantissa) +
          " mantissa bits; f16 (5, 10), bf16 (8, 7) and f32 (8, 23) are supported");
}

TensorList mapRule(Op &op) {
  return op.importer.lift(op.region(0), op.operands(), op.result().shape);
}

} // namespace

Tensor totalOrderKey(const Tensor &x) {
  if (!runtime::isFloat(x.dtype())) return x;
  const size_t bytes = runtime::dtypeBytes(x.dtype());
  const Tensor bits = bitcast(x, bytes == 2 ? DType::I16 : bytes == 4 ? i32 : i64);
  // Of negative numbers all bits but the sign are turned over.
  const auto width = static_cast<int64_t>(8 * bytes);
  return bits ^ shiftRightLogical(shiftRightArithmetic(bits, width - 1), 1);
}

void addElementwiseRules(Rules &rules) {
  const Rules own = {
      {"stablehlo.abs", {unary<abs>, true}},
      {"stablehlo.cbrt", {unary<cbrt>, true}},
      {"stablehlo.ceil", {unary<ceil>, true}},
      {"stablehlo.cosine", {unary<cos>, true}},
      {"stablehlo.count_leading_zeros", {unary<countLeadingZeros>, true}},
      {"stablehlo.exponential", {unary<exp>, true}},
      {"stablehlo.exponential_minus_one", {unary<expm1>, true}},
      {"stablehlo.floor", {unary<floor>, true}},
      {"stablehlo.is_finite", {unary<isFinite>, true}},
      {"stablehlo.log", {unary<log>, true}},
      {"stablehlo.log_plus_one", {unary<log1p>, true}},
      {"stablehlo.logistic", {unary<logistic>, true}},
      {"stablehlo.negate", {unary<neg>, true}},
      {"stablehlo.not", {unary<logicalNot>, true}},
      {"stablehlo.popcnt", {unary<popcnt>, true}},
      {"stablehlo.round_nearest_afz", {unary<round>, true}},
      {"stablehlo.round_nearest_even", {unary<roundEven>, true}},
      {"stablehlo.rsqrt", {unary<rsqrt>, true}},
      {"stablehlo.sign", {unary<sign>, true}},
      {"stablehlo.sine", {unary<sin>, true}},
      {"stablehlo.sqrt", {unary<sqrt>, true}},
      {"stablehlo.tan", {unary<tan>, true}},
      {"stablehlo.tanh", {unary<tanh>, true}},
      {"stablehlo.add", {binaryOrBoolean<add, logicalOr>, true}},
      {"stablehlo.multiply", {binaryOrBoolean<mul, logicalAnd>, true}},
      {"stablehlo.maximum", {binaryOrBoolean<max, logicalOr>, true}},
      {"stablehlo.minimum", {binaryOrBoolean<min, logicalAnd>, true}},
      {"stablehlo.and", {binary<logicalAnd>, true}},
      {"stablehlo.atan2", {binary<atan2>, true}},
      {"stablehlo.divide", {binary<div>, true}},
      {"stablehlo.or", {binary<logicalOr>, true}},
      {"stablehlo.power", {binary<pow>, true}},
      {"stablehlo.remainder", {binary<rem>, true}},
      {"stablehlo.shift_left", {binary<shiftLeft>, true}},
      {"stablehlo.shift_right_arithmetic", {binary<shiftRightArithmetic>, true}},
      {"stablehlo.shift_right_logical", {binary<shiftRightLogical>, true}},
      {"stablehlo.subtract", {binary<sub>, true}},
      {"stablehlo.xor", {binary<logicalXor>, true}},
      {"stablehlo.compare", {compareRule, true}},
      {"stablehlo.select", {selectRule, true}},
      {"stablehlo.clamp", {clampRule, true}},
      {"stablehlo.convert", {convertRule, true}},
      {"stablehlo.bitcast_convert", {bitcastConvert}},
      {"stablehlo.reduce_precision", {reducePrecision, true}},
      {"stablehlo.map", {mapRule}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
