// Accessors of one op, with the messages for what the text lacks.
#include "frontend/import/stablehlo/op.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

using namespace mlir;

namespace weir::stablehlo {

void Op::fail(const std::string &message) const {
  throw Error(message, Location::current());
}

std::string Op::name() const {
  return op->getName().getStringRef().str();
}

// ---- Operands and results ----

size_t Op::size() const {
  return op->getNumOperands();
}

Tensor Op::operand(size_t i) const {
  if (i >= size()) fail("needs " + std::to_string(i + 1) + " operands at least");
  return importer.lookup(op->getOperand(static_cast<unsigned>(i)));
}

TensorList Op::operands(size_t from, size_t count) const {
  TensorList tensors;
  for (size_t i = from; i < from + count; ++i) tensors.push_back(operand(i));
  return tensors;
}

void Op::expectOperands(size_t count) const {
  if (size() != count)
    fail("takes " + std::to_string(count) + " operands, " + std::to_string(size()) + " are given");
}

size_t Op::results() const {
  return op->getNumResults();
}

TensorType Op::typeOf(Value value, const ImportOptions &options) const {
  if (auto type = tensorTypeOf(value.getType(), options)) return *type;
  fail(textOf(value.getType()) +
       " is not supported; types are tensors of static shape and of dtype "
       "i1, i8 to i64, ui8 to ui64, f16, bf16, f32 or f64");
}

TensorType Op::result(size_t i) const {
  if (i >= results()) fail("needs " + std::to_string(i + 1) + " results at least");
  return typeOf(op->getResult(static_cast<unsigned>(i)), importer.options);
}

TensorType Op::narrowResult(size_t i) const {
  result(i);
  return typeOf(op->getResult(static_cast<unsigned>(i)), {});
}

TensorType Op::narrowOperand(size_t i) const {
  operand(i);
  return typeOf(op->getOperand(static_cast<unsigned>(i)), {});
}

// ---- Attributes ----

Attribute Op::attribute(StringRef name) const {
  // The properties of an unregistered op are a dictionary.
  if (auto properties = dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
    if (Attribute found = properties.get(name)) return found;
  return op->getDiscardableAttr(name);
}

int64_t Op::integer(StringRef name, std::optional<int64_t> fallback) const {
  Attribute found = attribute(name);
  if (!found && fallback) return *fallback;
  if (auto value = dyn_cast_or_null<IntegerAttr>(found))
    if (value.getValue().getSignificantBits() <= 64) return value.getValue().getSExtValue();
  fail("needs an integer " + name.str());
}

double Op::real(StringRef name, double fallback) const {
  Attribute found = attribute(name);
  if (!found) return fallback;
  if (auto value = dyn_cast<FloatAttr>(found)) return value.getValueAsDouble();
  fail("needs a number " + name.str());
}

bool Op::flag(StringRef name) const {
  Attribute found = attribute(name);
  if (!found) return false;
  if (auto value = dyn_cast<BoolAttr>(found)) return value.getValue();
  if (isa<UnitAttr>(found)) return true;
  fail(name.str() + " must be true or false");
}

std::string Op::symbol(StringRef name) const {
  if (auto value = dyn_cast_or_null<FlatSymbolRefAttr>(attribute(name)))
    return value.getValue().str();
  fail("needs a function " + name.str());
}

std::string Op::string(StringRef name) const {
  if (auto value = dyn_cast_or_null<StringAttr>(attribute(name))) return value.getValue().str();
  fail("needs a string " + name.str());
}

/// The integers of any of the forms that lists of them have had.
static std::optional<Dims64> intsOf(Attribute attribute) {
  if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute)) return Dims64(list.asArrayRef());
  if (auto list = dyn_cast<DenseBoolArrayAttr>(attribute))
    return Dims64(list.asArrayRef().begin(), list.asArrayRef().end());
  Dims64 numbers;
  if (auto list = dyn_cast<DenseIntElementsAttr>(attribute)) {
    if (list.getNumElements() > 1 << 16) return std::nullopt;
    for (const APInt &value : list.getValues<APInt>()) {
      if (value.getBitWidth() > 64) return std::nullopt;
      numbers.push_back(value.getBitWidth() == 1 ? value.getZExtValue() : value.getSExtValue());
    }
    return numbers;
  }
  auto list = dyn_cast<ArrayAttr>(attribute);
  if (!list) return std::nullopt;
  for (Attribute entry : list) {
    auto value = dyn_cast<IntegerAttr>(entry);
    if (!value || value.getValue().getSignificantBits() > 64) return std::nullopt;
    numbers.push_back(value.getValue().getSExtValue());
  }
  return numbers;
}

Dims64 Op::ints(StringRef name, std::optional<size_t> count,
                std::optional<int64_t> fallback) const {
  Attribute found = attribute(name);
  if (!found && fallback && count) return Dims64(*count, *fallback);
  std::optional<Dims64> numbers = found ? intsOf(found) : std::nullopt;
  if (!numbers) fail("needs a list of integers " + name.str());
  if (count && numbers->size() != *count)
    fail(name.str() + " has " + std::to_string(numbers->size()) + " entries, " +
         std::to_string(*count) + " are needed");
  return *numbers;
}

std::pair<Dims64, Dims64> Op::padding(size_t count) const {
  std::pair<Dims64, Dims64> result;
  const Dims64 numbers = ints("padding", 2 * count, 0);
  for (size_t i = 0; i < count; ++i) {
    result.first.push_back(numbers[2 * i]);
    result.second.push_back(numbers[2 * i + 1]);
  }
  return result;
}

std::string Op::dialectText(StringRef name) const {
  if (auto value = dyn_cast_or_null<OpaqueAttr>(attribute(name))) return value.getAttrData().str();
  fail("needs a #stablehlo attribute " + name.str());
}

std::string Op::word(StringRef name, StringRef kind, const std::string &fallback) const {
  Attribute found = attribute(name);
  if (!found) return fallback;
  if (auto text = dyn_cast<StringAttr>(found)) return text.getValue().str();
  return parseEnum(dialectText(name), kind.str());
}

Dims64 Op::constantInts(size_t i) const {
  if (i >= size()) fail("needs " + std::to_string(i + 1) + " operands at least");
  Operation *constant = op->getOperand(static_cast<unsigned>(i)).getDefiningOp();
  if (constant && constant->getName().getStringRef() == "stablehlo.constant")
    if (auto value = Op(importer, constant).attribute("value"))
      if (auto numbers = intsOf(value)) return *numbers;
  fail("operand " + std::to_string(i) + " must be a constant: only static shapes are supported");
}

Region &Op::region(size_t i) const {
  if (i >= op->getNumRegions()) fail("needs " + std::to_string(i + 1) + " regions");
  return op->getRegion(static_cast<unsigned>(i));
}

// ---- What several rules need ----

Tensor asIndex(const Tensor &x) {
  switch (x.dtype()) {
  case DType::I32:
  case DType::I64:
    return x;
  case DType::U32:
  case DType::U64:
    return convert(x, i64);
  default:
    return convert(x, i32);
  }
}

Dims64 upTo(int64_t count) {
  Dims64 list(static_cast<size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}

Tensor fill(const Tensor &x, const Shape &shape) {
  return x.shape() == shape ? x : broadcastTo(x, shape);
}

const Rule *findRule(StringRef name) {
  static const Rules all = [] {
    Rules rules;
    addElementwiseRules(rules);
    addChloRules(rules);
    addLayoutRules(rules);
    addStaticFormRules(rules);
    addContractionRules(rules);
    addReductionRules(rules);
    addWindowRules(rules);
    addGatherRules(rules);
    addScatterRules(rules);
    addSortRules(rules);
    addControlRules(rules);
    addCheckRules(rules);
    addRandomRules(rules);
    addShardingRules(rules);
    addNormalizationRules(rules);
    return rules;
  }();
  auto found = all.find(std::string_view(name));
  return found == all.end() ? nullptr : &found->second;
}

} // namespace weir::stablehlo
