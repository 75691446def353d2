// ONNX's elementwise ops, from a table where the meaning is one public function.
#include "frontend/import/onnx/narrow.h"
#include "frontend/import/onnx/node.h"

#include <cmath>
#include <limits>

namespace weir::onnx {
namespace {

/// Sum, Max, Min and Mean of any number of operands.
template <Tensor (*function)(Arg, Arg)> TensorList variadic(Node &node) {
  if (node.size() == 0) node.fail("needs an operand");
  Tensor result = node[0];
  for (size_t i = 1; i < node.size(); ++i) result = function(result, node[i]);
  return {result};
}

TensorList mean(Node &node) {
  return {variadic<add>(node)[0] / static_cast<double>(node.size())};
}

template <Direction direction> TensorList comparison(Node &node) {
  const auto [lhs, rhs] = broadcastOperands(node);
  return {compare(lhs, rhs, direction)};
}

/// x to the power of integers by f64, which holds the usual ones.
TensorList power(Node &node) {
  const auto [base, exponent] = broadcastOperands(node);
  const DType dtype = base.dtype();
  if (runtime::isFloat(dtype)) {
    const bool same = exponent.dtype() == dtype;
    return {pow(base, same ? exponent : convert(exponent, dtype))};
  }
  const Tensor wide = pow(convert(base, f64), convert(exponent, f64));
  return {convert(runtime::isFloat(exponent.dtype()) ? wide : roundEven(wide), dtype)};
}

TensorList modulo(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0], y = node[1];
  if (node.flag("fmod")) return {rem(x, y)};
  return {runtime::isUnsigned(x.dtype()) ? rem(x, y) : floorMod(x, y)};
}

TensorList bitShift(Node &node) {
  node.expectOperands(2, 2);
  const std::string direction = node.string("direction", "");
  if (direction == "LEFT") return {shiftLeft(node[0], node[1])};
  const bool sign = !runtime::isUnsigned(node[0].dtype());
  if (direction == "RIGHT")
    return {sign ? shiftRightArithmetic(node[0], node[1]) : shiftRightLogical(node[0], node[1])};
  node.fail("direction must be LEFT or RIGHT");
}

Tensor toNarrow(Node &node, const Narrow &type) {
  node.holds(type);
  return narrowed(node, node[0], type, node.flag("saturate", true),
                  node.string("round_mode", "up"));
}

TensorList cast(Node &node) {
  node.expectOperands(1, 1);
  int64_t to = 0;
  if (node.version < 6) {
    const std::string name = node.string("to", "");
    proto::TensorProto::DataType type;
    if (proto::TensorProto::DataType_Parse(name, &type)) to = type;
  }
  if (!to) to = node.integer("to");
  if (const Narrow *narrow = narrowOf(static_cast<int32_t>(to))) return {toNarrow(node, *narrow)};
  const DType dtype = node.dtype(to);
  const Tensor x = node[0];
  return {x.dtype() == dtype ? x : convert(x, dtype)};
}

TensorList castLike(Node &node) {
  node.expectOperands(2, 2);
  if (const Narrow *narrow = node.narrow(1)) return {toNarrow(node, *narrow)};
  const Tensor x = node[0];
  const DType dtype = node[1].dtype();
  return {x.dtype() == dtype ? x : convert(x, dtype)};
}

TensorList bitCast(Node &node) {
  node.expectOperands(1, 1);
  const DType dtype = node.dtype(node.integer("to"));
  const Tensor x = node[0];
  return {x.dtype() == dtype ? x : bitcast(x, dtype)};
}

TensorList where(Node &node) {
  node.expectOperands(3, 3);
  return {select(node[0], node[1], node[2])};
}

TensorList clip(Node &node) {
  node.expectOperands(1, 3);
  Tensor x = node[0];
  if (node.version < 11) {
    if (node.has("min")) x = max(x, node.real("min"));
    if (node.has("max")) x = min(x, node.real("max"));
    return {x};
  }
  if (node.has(1)) x = max(x, node[1]);
  if (node.has(2)) x = min(x, node[2]);
  return {x};
}

TensorList reciprocal(Node &node) {
  node.expectOperands(1, 1);
  return {1.0 / node[0]};
}

TensorList isInfinite(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  constexpr double inf = std::numeric_limits<double>::infinity();
  const bool positive = node.flag("detect_positive", true);
  const bool negative = node.flag("detect_negative", true);
  if (positive && negative) return {isInf(x)};
  if (positive) return {x == inf};
  if (negative) return {x == -inf};
  return {node.graph.full(x.shape(), 0, i1)};
}

TensorList absolute(Node &node) {
  node.expectOperands(1, 1);
  return {runtime::isUnsigned(node[0].dtype()) ? node[0] : abs(node[0])};
}

TensorList signOf(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  return {runtime::isUnsigned(x.dtype()) ? convert(x != 0, x.dtype()) : sign(x)};
}

} // namespace

void addElementwiseRules(Rules &rules) {
  const Rules own = {
      {"Abs", absolute},
      {"Acos", unary<acos>},
      {"Acosh", unary<acosh>},
      {"Asin", unary<asin>},
      {"Asinh", unary<asinh>},
      {"Atan", unary<atan>},
      {"Atanh", unary<atanh>},
      {"BitwiseNot", unary<logicalNot>},
      {"Ceil", unary<ceil>},
      {"Cos", unary<cos>},
      {"Cosh", unary<cosh>},
      {"Erf", unary<erf>},
      {"Exp", unary<exp>},
      {"Floor", unary<floor>},
      {"IsInf", isInfinite},
      {"IsNaN", unary<isNan>},
      {"Log", unary<log>},
      {"Neg", unary<neg>},
      {"Not", unary<logicalNot>},
      {"Reciprocal", reciprocal},
      {"Round", unary<roundEven>},
      {"Sigmoid", unary<logistic>},
      {"Sign", signOf},
      {"Sin", unary<sin>},
      {"Sinh", unary<sinh>},
      {"Sqrt", unary<sqrt>},
      {"Tan", unary<tan>},
      {"Tanh", unary<tanh>},
      {"Add", binary<add>},
      {"And", binary<logicalAnd>},
      {"BitwiseAnd", binary<logicalAnd>},
      {"BitwiseOr", binary<logicalOr>},
      {"BitwiseXor", binary<logicalXor>},
      {"Div", binary<div>},
      {"Mul", binary<mul>},
      {"Or", binary<logicalOr>},
      {"Sub", binary<sub>},
      {"Xor", binary<logicalXor>},
      {"Equal", comparison<Direction::Eq>},
      {"Greater", comparison<Direction::Gt>},
      {"GreaterOrEqual", comparison<Direction::Ge>},
      {"Less", comparison<Direction::Lt>},
      {"LessOrEqual", comparison<Direction::Le>},
      {"Max", variadic<max>},
      {"Mean", mean},
      {"Min", variadic<min>},
      {"Sum", variadic<add>},
      {"BitCast", bitCast},
      {"BitShift", bitShift},
      {"Cast", cast},
      {"CastLike", castLike},
      {"Clip", clip},
      {"Mod", modulo},
      {"Pow", power},
      {"Where", where},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
