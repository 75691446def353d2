// Attributes and tensors, in both directions. A kind that has no message is refused, with its text.
#include "frontend/proto/codec.h"

#include "ir/dialect/weir.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace weir::graph_file {

static constexpr const char *kCompareDirection = "weir.compare_direction";

// ---- Tensors ----

/// The elements as the file has them: i1 one byte each; of a splat only one.
static std::string elementsOf(DenseElementsAttr elements) {
  if (elements.getElementType().isInteger(1)) {
    if (elements.isSplat()) return std::string(1, char(elements.getSplatValue<bool>()));
    std::string bytes;
    for (bool value : elements.getValues<bool>()) bytes.push_back(char(value));
    return bytes;
  }
  ArrayRef<char> raw = elements.getRawData();
  return std::string(raw.data(), raw.size());
}

static DenseElementsAttr elementsFrom(RankedTensorType type, StringRef bytes) {
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, ArrayRef<char>(bytes.data(), bytes.size()));
  SmallVector<bool> values;
  for (char byte : bytes) {
    if (byte != 0 && byte != 1) throw Problem{"an i1 of a tensor is neither 0 nor 1"};
    values.push_back(byte == 1);
  }
  return DenseElementsAttr::get(type, ArrayRef<bool>(values));
}

void AttributeWriter::writeTensor(DenseElementsAttr elements, proto::Tensor &to) {
  encodeType(elements.getType(), *to.mutable_type());
  std::string bytes = elementsOf(elements);
  if (elements.isSplat()) {
    to.set_splat(std::move(bytes));
    return;
  }
  if (!external || static_cast<int64_t>(bytes.size()) < external->fromBytes) {
    to.set_raw(std::move(bytes));
    return;
  }
  std::string &name = externalNames[elements];
  if (!name.empty()) {
    to.mutable_external()->set_file(external->file);
    to.mutable_external()->set_tensor(name);
    return;
  }
  const DType dtype = static_cast<DType>(to.type().dtype() - 1);
  name = moveOut("constant" + std::to_string(external->tensors.size()),
                 Array(dtype, Shape(to.type().shape().begin(), to.type().shape().end()),
                       runtime::Bytes::copyOf(bytes.data(), bytes.size())),
                 to);
}

mlir::Attribute AttributeReader::readTensorAttribute(const proto::Tensor &from) const {
  RankedTensorType type = decodeType(context, from.type());
  const DType dtype = static_cast<DType>(from.type().dtype() - 1);
  const std::string typeText = runtime::typeStr(dtype, Shape(type.getShape()));
  const auto width = static_cast<int64_t>(runtime::dtypeBytes(dtype));
  auto expect = [&](size_t bytes, int64_t expected) {
    if (static_cast<int64_t>(bytes) != expected)
      throw Problem{"a tensor is " + typeText + ", which takes " + std::to_string(expected) +
                    " bytes, but has " + std::to_string(bytes)};
  };
  switch (from.data_case()) {
  case proto::Tensor::kRaw:
    expect(from.raw().size(), type.getNumElements() * width);
    return elementsFrom(type, from.raw());
  case proto::Tensor::kSplat:
    expect(from.splat().size(), width);
    return elementsFrom(type, from.splat());
  case proto::Tensor::kExternal: {
    const auto &place = from.external();
    if (!readTensor)
      throw Problem{"a tensor is in " + place.file() + "; other files are not read here"};
    Array array = readTensor(place.file(), place.tensor());
    if (array.dtype() != dtype || ArrayRef<int64_t>(array.dims()) != type.getShape())
      throw Problem{"tensor '" + place.tensor() + "' of " + place.file() + " is " +
                    array.typeStr() + ", expected " + typeText};
    return elementsFrom(type, StringRef(static_cast<const char *>(array.raw()), array.bytes()));
  }
  case proto::Tensor::DATA_NOT_SET:
    break;
  }
  throw Problem{"a tensor has no data"};
}

// ---- Numbers ----

static void writeInteger(IntegerAttr integer, proto::Attribute &to) {
  mlir::Type type = integer.getType();
  if (type.isSignlessInteger(64)) {
    to.set_integer(integer.getInt());
  } else if (type.isSignlessInteger(1)) {
    to.set_boolean(integer.getValue().getBoolValue());
  } else {
    to.mutable_number()->set_dtype(encodeDType(type));
    const APInt &value = integer.getValue();
    to.mutable_number()->set_integer(type.isUnsignedInteger()
                                         ? static_cast<int64_t>(value.getZExtValue())
                                         : value.getSExtValue());
  }
}

static void writeReal(FloatAttr real, proto::Attribute &to) {
  to.mutable_number()->set_dtype(encodeDType(real.getType()));
  APFloat wide = real.getValue();
  bool inexact = false;
  wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
  to.mutable_number()->set_real(wide.convertToDouble());
  APFloat back = wide;
  back.convert(real.getValue().getSemantics(), APFloat::rmNearestTiesToEven, &inexact);
  if (!back.bitwiseIsEqual(real.getValue())) throw Problem{"a NaN of this kind cannot be written"};
}

mlir::Attribute AttributeReader::readNumber(const proto::Attribute::Number &from) const {
  mlir::Type type = decodeDType(context, from.dtype());
  const bool isReal = isa<FloatType>(type);
  if (from.value_case() == proto::Attribute::Number::VALUE_NOT_SET ||
      isReal != (from.value_case() == proto::Attribute::Number::kReal))
    throw Problem{"a number of type " + describe(type) + " does not have a value of that kind"};
  if (isReal) {
    APFloat value(from.real());
    bool inexact = false;
    value.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &inexact);
    return FloatAttr::get(type, value);
  }
  const unsigned width = type.getIntOrFloatBitWidth();
  const auto bits = static_cast<uint64_t>(from.integer());
  if (width < 64 && !(type.isUnsignedInteger() ? llvm::isUIntN(width, bits)
                                               : llvm::isIntN(width, from.integer())))
    throw Problem{std::to_string(from.integer()) + " is not within " + describe(type)};
  return IntegerAttr::get(type, APInt(64, bits).trunc(width));
}

template <typename T> static void addAll(ArrayRef<T> values, proto::Attribute &to) {
  to.mutable_integers();
  for (T value : values) to.mutable_integers()->add_values(value);
}

/// Whether it was one.
static bool writeIntegers(mlir::Attribute attribute, proto::Attribute &to) {
  if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute)) {
    addAll(list.asArrayRef(), to);
    return true;
  }
  if (auto list = dyn_cast<DenseBoolArrayAttr>(attribute))
    addAll(list.asArrayRef(), to);
  else if (auto list = dyn_cast<DenseI8ArrayAttr>(attribute))
    addAll(list.asArrayRef(), to);
  else if (auto list = dyn_cast<DenseI16ArrayAttr>(attribute))
    addAll(list.asArrayRef(), to);
  else if (auto list = dyn_cast<DenseI32ArrayAttr>(attribute))
    addAll(list.asArrayRef(), to);
  else
    return false;
  to.mutable_integers()->set_dtype(encodeDType(cast<DenseArrayAttr>(attribute).getElementType()));
  return true;
}

template <typename T>
static SmallVector<T> narrowed(const proto::Attribute::Integers &from, int64_t low, int64_t high) {
  SmallVector<T> values;
  for (int64_t value : from.values()) {
    if (value < low || value > high)
      throw Problem{"a list of integers has " + std::to_string(value) + ", which is not from " +
                    std::to_string(low) + " to " + std::to_string(high)};
    values.push_back(static_cast<T>(value));
  }
  return values;
}

mlir::Attribute AttributeReader::readIntegers(const proto::Attribute::Integers &from) const {
  Builder b(context);
  switch (from.dtype()) {
  case proto::DTYPE_UNSPECIFIED:
  case proto::I64:
    return b.getDenseI64ArrayAttr(SmallVector<int64_t>(from.values().begin(), from.values().end()));
  case proto::I1:
    return b.getDenseBoolArrayAttr(narrowed<bool>(from, 0, 1));
  case proto::I8:
    return b.getDenseI8ArrayAttr(narrowed<int8_t>(from, INT8_MIN, INT8_MAX));
  case proto::I16:
    return b.getDenseI16ArrayAttr(narrowed<int16_t>(from, INT16_MIN, INT16_MAX));
  case proto::I32:
    return b.getDenseI32ArrayAttr(narrowed<int32_t>(from, INT32_MIN, INT32_MAX));
  default:
    throw Problem{"lists of integers are i1, i8, i16, i32 or i64"};
  }
}

// ---- All kinds ----

void AttributeWriter::write(mlir::Attribute attribute, proto::Attribute &to) {
  auto text = dyn_cast<StringAttr>(attribute);
  auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute);
  if (auto integer = dyn_cast<IntegerAttr>(attribute); integer && integer.getType().isInteger()) {
    writeInteger(integer, to);
  } else if (auto real = dyn_cast<FloatAttr>(attribute)) {
    writeReal(real, to);
  } else if (text && isa<NoneType>(text.getType())) {
    to.set_text(text.str());
  } else if (symbol) {
    to.set_symbol(symbol.getValue().str());
  } else if (writeIntegers(attribute, to)) {
  } else if (auto elements = dyn_cast<DenseElementsAttr>(attribute)) {
    writeTensor(elements, *to.mutable_tensor());
  } else if (auto type = dyn_cast<TypeAttr>(attribute)) {
    if (isa<ShapedType>(type.getValue()))
      encodeType(type.getValue(), *to.mutable_type());
    else
      to.set_dtype(encodeDType(type.getValue()));
  } else if (auto array = dyn_cast<ArrayAttr>(attribute)) {
    to.mutable_array();
    for (mlir::Attribute value : array) write(value, *to.mutable_array()->add_values());
  } else if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    write(dictionary, *to.mutable_dictionary()->mutable_values());
  } else if (auto direction = dyn_cast<ir::CompareDirectionAttr>(attribute)) {
    to.mutable_enumeration()->set_kind(kCompareDirection);
    to.mutable_enumeration()->set_value(ir::stringifyCompareDirection(direction.getValue()).str());
  } else if (isa<UnitAttr>(attribute)) {
    to.mutable_unit();
  } else {
    throw Problem{"attributes of this kind cannot be written: " + describe(attribute)};
  }
}

mlir::Attribute AttributeReader::readNamed(const proto::NamedAttribute &entry) const {
  try {
    return read(entry.value());
  } catch (Problem &problem) {
    throw Problem{"attribute '" + entry.name() + "': " + problem.message};
  }
}

mlir::Attribute AttributeReader::read(const proto::Attribute &from) const {
  Builder b(context);
  switch (from.value_case()) {
  case proto::Attribute::kInteger:
    return b.getI64IntegerAttr(from.integer());
  case proto::Attribute::kNumber:
    return readNumber(from.number());
  case proto::Attribute::kBoolean:
    return b.getBoolAttr(from.boolean());
  case proto::Attribute::kText:
    return b.getStringAttr(from.text());
  case proto::Attribute::kIntegers:
    return readIntegers(from.integers());
  case proto::Attribute::kTensor:
    return readTensorAttribute(from.tensor());
  case proto::Attribute::kDtype:
    return TypeAttr::get(decodeDType(context, from.dtype()));
  case proto::Attribute::kType:
    return TypeAttr::get(decodeType(context, from.type()));
  case proto::Attribute::kSymbol:
    if (from.symbol().empty()) throw Problem{"a symbol has no name"};
    return FlatSymbolRefAttr::get(context, from.symbol());
  case proto::Attribute::kArray: {
    SmallVector<mlir::Attribute> values;
    for (const proto::Attribute &value : from.array().values()) values.push_back(read(value));
    return b.getArrayAttr(values);
  }
  case proto::Attribute::kDictionary:
    return read(from.dictionary().values()).getDictionary(context);
  case proto::Attribute::kEnumeration: {
    auto direction = ir::symbolizeCompareDirection(from.enumeration().value());
    if (from.enumeration().kind() != kCompareDirection || !direction)
      throw Problem{"there is no " + from.enumeration().kind() + " '" + from.enumeration().value() +
                    "'"};
    return ir::CompareDirectionAttr::get(context, *direction);
  }
  case proto::Attribute::kUnit:
    return b.getUnitAttr();
  case proto::Attribute::VALUE_NOT_SET:
    break;
  }
  throw Problem{"it has no value"};
}

} // namespace weir::graph_file
