// A recursive evaluation of scalar ops; what it does not know it declines.
#include "frontend/import/stablehlo/scalar_evaluator.h"

#include "frontend/import/stablehlo/attributes.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <bit>
#include <cmath>
#include <functional>

using namespace mlir;

namespace weir::stablehlo {

bool Scalar::operator==(const Scalar &other) const {
  if (dtype != other.dtype) return false;
  return isFloat() ? std::bit_cast<uint64_t>(real) == std::bit_cast<uint64_t>(other.real) ||
                         (std::isnan(real) && std::isnan(other.real))
                   : integer == other.integer;
}

namespace {

/// `value` as a number of `dtype`'s width and sign.
int64_t wrap(int64_t value, DType dtype) {
  switch (dtype) {
  case DType::I1:
    return value & 1;
  case DType::I8:
    return static_cast<int8_t>(value);
  case DType::I16:
    return static_cast<int16_t>(value);
  case DType::I32:
    return static_cast<int32_t>(value);
  case DType::U8:
    return static_cast<uint8_t>(value);
  case DType::U16:
    return static_cast<uint16_t>(value);
  case DType::U32:
    return static_cast<uint32_t>(value);
  default:
    return value;
  }
}

Scalar integerScalar(DType dtype, int64_t value) {
  return {dtype, wrap(value, dtype), 0};
}

Attribute attributeOf(Operation *op, StringRef name) {
  if (auto properties = dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
    if (Attribute found = properties.get(name)) return found;
  return op->getDiscardableAttr(name);
}

std::string wordOf(Operation *op, StringRef name, std::string_view kind) {
  auto opaque = dyn_cast_or_null<OpaqueAttr>(attributeOf(op, name));
  try {
    return opaque ? parseEnum(opaque.getAttrData().str(), kind) : "";
  } catch (const AttributeError &) {
    return "";
  }
}

std::optional<Scalar> constantOf(Operation *op) {
  std::optional<Elements> elements = elementsOf(attributeOf(op, "value"));
  if (!elements || elements->array.size() != 1) return std::nullopt;
  const Array &array = elements->array;
  Scalar scalar{array.dtype(), 0, 0};
  if (scalar.isFloat())
    scalar.real = array.at(0);
  else if (array.dtype() == i64)
    scalar.integer = array.data<int64_t>()[0];
  else
    scalar.integer = static_cast<int64_t>(array.at(0));
  return scalar;
}

std::optional<Scalar> arithmetic(StringRef name, const Scalar &a, const Scalar &b) {
  if (a.dtype != b.dtype) return std::nullopt;
  if (a.isFloat()) {
    const bool aFirst = std::isnan(a.real) || (!std::isnan(b.real) && a.real < b.real);
    const bool bFirst = std::isnan(b.real) || (!std::isnan(a.real) && b.real < a.real);
    if (name == "minimum") return std::isnan(a.real) || (aFirst && !std::isnan(b.real)) ? a : b;
    if (name == "maximum") return std::isnan(a.real) || (bFirst && !std::isnan(b.real)) ? a : b;
    return std::nullopt;
  }
  const auto x = static_cast<uint64_t>(a.integer), y = static_cast<uint64_t>(b.integer);
  auto give = [&](uint64_t value) {
    return std::optional(integerScalar(a.dtype, static_cast<int64_t>(value)));
  };
  const bool isBool = a.dtype == i1;
  if (name == "and") return give(x & y);
  if (name == "or") return give(x | y);
  if (name == "xor") return give(x ^ y);
  if (name == "add") return give(isBool ? x | y : x + y);
  if (name == "multiply") return give(x * y);
  if (name == "subtract" && !isBool) return give(x - y);
  if (a.dtype == DType::U64) return std::nullopt;
  if (name == "minimum") return give(a.integer < b.integer ? x : y);
  if (name == "maximum") return give(a.integer < b.integer ? y : x);
  return std::nullopt;
}

std::optional<Scalar> convertTo(const Scalar &x, Type type) {
  std::optional<TensorType> to = tensorTypeOf(type, {});
  if (!to) return std::nullopt;
  if (x.isFloat()) return x.dtype == to->dtype ? std::optional(x) : std::nullopt;
  if (runtime::isFloat(to->dtype)) return std::nullopt;
  return to->dtype == i1 ? integerScalar(i1, x.integer != 0) : integerScalar(to->dtype, x.integer);
}

bool isRepetition(StringRef name) {
  return name == "stablehlo.broadcast_in_dim" || name == "stablehlo.reshape" ||
         name == "stablehlo.convert";
}

constexpr int kDepth = 100;

/// An op whose operands are known.
std::optional<Scalar> apply(Operation *op, StringRef name, const std::vector<Scalar> &x) {
  if (x.size() == 1 && name == "convert") return convertTo(x[0], op->getResult(0).getType());
  if (x.size() == 1 && (name == "reshape" || name == "broadcast_in_dim")) return x[0];
  if (x.size() == 1 && name == "negate" && !x[0].isFloat())
    return integerScalar(x[0].dtype, -x[0].integer);
  if (x.size() == 1 && name == "not" && !x[0].isFloat())
    return integerScalar(x[0].dtype, ~x[0].integer);
  if (x.size() == 2 && name == "compare") {
    const bool total = wordOf(op, "compare_type", "comparison_type") == "TOTALORDER";
    auto truth = compareScalars(x[0], x[1],
                                wordOf(op, "comparison_direction", "comparison_direction"), total);
    return truth ? std::optional(integerScalar(i1, *truth)) : std::nullopt;
  }
  if (x.size() == 2) return arithmetic(name, x[0], x[1]);
  if (x.size() == 3 && name == "select" && x[0].dtype == i1) return x[0].integer ? x[1] : x[2];
  if (x.size() == 3 && name == "clamp") {
    auto low = arithmetic("maximum", x[1], x[0]);
    return low ? arithmetic("minimum", *low, x[2]) : std::nullopt;
  }
  return std::nullopt;
}

} // namespace

std::optional<Scalar> evaluate(Value value, Bindings &known, int depth) {
  if (auto found = known.find(value); found != known.end()) return found->second;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumResults() != 1 || depth > kDepth) return std::nullopt;
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("stablehlo.")) return std::nullopt;
  std::optional<Scalar> result;
  if (name == "constant") {
    result = constantOf(op);
  } else {
    std::vector<Scalar> operands;
    for (Value operand : op->getOperands()) {
      std::optional<Scalar> scalar = evaluate(operand, known, depth + 1);
      if (!scalar) return std::nullopt;
      operands.push_back(*scalar);
    }
    result = apply(op, name, operands);
  }
  if (result) known[value] = *result;
  return result;
}

std::optional<Scalar> constantScalar(Value value) {
  Bindings known;
  for (Operation *op = value.getDefiningOp(); op; op = op->getOperand(0).getDefiningOp()) {
    StringRef name = op->getName().getStringRef();
    if (name == "stablehlo.constant") {
      auto scalar = constantOf(op);
      return scalar ? convertTo(*scalar, value.getType()) : std::nullopt;
    }
    if (!isRepetition(name) || op->getNumOperands() != 1) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::vector<Scalar>> evaluateRegion(Region &region, const std::vector<Scalar> &args) {
  if (!region.hasOneBlock() || region.front().empty() ||
      region.front().getNumArguments() != args.size())
    return std::nullopt;
  Bindings known;
  for (auto [argument, scalar] : llvm::zip(region.front().getArguments(), args))
    known[argument] = scalar;
  std::vector<Scalar> results;
  for (Value value : region.front().back().getOperands()) {
    std::optional<Scalar> result = evaluate(value, known);
    if (!result) return std::nullopt;
    results.push_back(*result);
  }
  return results;
}

bool onlyCompares(Region &region) {
  if (!region.hasOneBlock()) return false;
  for (Operation &op : region.front())
    if (!llvm::is_contained({"stablehlo.constant", "stablehlo.compare", "stablehlo.select",
                             "stablehlo.and", "stablehlo.or", "stablehlo.not", "stablehlo.xor",
                             "stablehlo.minimum", "stablehlo.maximum", "stablehlo.return"},
                            op.getName().getStringRef()))
      return false;
  // Bits of integers are more than their order.
  for (Operation &op : region.front())
    if (llvm::is_contained({"stablehlo.and", "stablehlo.or", "stablehlo.not", "stablehlo.xor"},
                           op.getName().getStringRef()) &&
        !llvm::all_of(op.getOperandTypes(),
                      [](Type type) { return getElementTypeOrSelf(type).isInteger(1); }))
      return false;
  return true;
}

std::vector<Scalar> constantsIn(Region &region) {
  std::vector<Scalar> constants;
  region.walk([&](Operation *op) {
    if (op->getName().getStringRef() != "stablehlo.constant") return;
    if (auto scalar = constantOf(op); scalar && scalar->dtype != i1) constants.push_back(*scalar);
  });
  return constants;
}

std::optional<bool> compareScalars(const Scalar &a, const Scalar &b, const std::string &direction,
                                   bool totalOrder) {
  if (a.dtype != b.dtype) return std::nullopt;
  auto decide = [&](auto x, auto y) -> std::optional<bool> {
    if (direction == "EQ") return x == y;
    if (direction == "NE") return x != y;
    if (direction == "LT") return x < y;
    if (direction == "LE") return x <= y;
    if (direction == "GT") return x > y;
    if (direction == "GE") return x >= y;
    return std::nullopt;
  };
  if (!a.isFloat())
    return a.dtype == DType::U64
               ? decide(static_cast<uint64_t>(a.integer), static_cast<uint64_t>(b.integer))
               : decide(a.integer, b.integer);
  if (!totalOrder) return decide(a.real, b.real);
  auto key = [](double x) {
    const auto bits = std::bit_cast<int64_t>(x);
    return bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits;
  };
  return decide(key(a.real), key(b.real));
}

} // namespace weir::stablehlo
