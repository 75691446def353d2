// Values of variables: tensors that the module does not hold, so that millions of numbers are
// neither copied nor printed with it. A splat stays one element until somebody needs all.
#include "frontend/proto/codec.h"

#include <algorithm>
#include <cstring>

namespace weir::graph_file {

bool isSplat(const Array &array) {
  const auto *bytes = static_cast<const char *>(array.raw());
  const size_t width = runtime::dtypeBytes(array.dtype());
  // Every byte equals the one an element before it.
  return array.size() > 0 && std::memcmp(bytes, bytes + width, array.bytes() - width) == 0;
}

Value Value::of(const Array &array) {
  Value value{{array.dtype(), array.dims()}, array};
  if (array.rank() > 0 && isSplat(array))
    value.elements = Array(array.dtype(), {},
                           runtime::Bytes::copyOf(array.raw(), runtime::dtypeBytes(array.dtype())));
  return value;
}

Array Value::expanded() const {
  if (elements.dims() == type.shape) return elements;
  Array all(type.dtype, type.shape);
  const size_t width = elements.bytes();
  auto *to = static_cast<char *>(all.mutableRaw());
  for (size_t done = 0; done < all.bytes(); done += width)
    std::memcpy(to + done, elements.raw(), width);
  return all;
}

static std::string bytesOf(const Array &array) {
  return {static_cast<const char *>(array.raw()), array.bytes()};
}

std::string AttributeWriter::moveOut(const std::string &wish, const Array &array,
                                     proto::Tensor &to) {
  std::string name = wish;
  for (int i = 1; !movedNames.insert(name).second; ++i) name = wish + "_" + std::to_string(i);
  external->tensors.emplace_back(name, array);
  to.mutable_external()->set_file(external->file);
  to.mutable_external()->set_tensor(name);
  return name;
}

void AttributeWriter::write(const Value &value, const std::string &name, proto::Tensor &to) {
  to.mutable_type()->set_dtype(static_cast<proto::DType>(static_cast<int>(value.type.dtype) + 1));
  for (int64_t size : value.type.shape) to.mutable_type()->add_shape(size);
  if (external)
    moveOut(name, value.expanded(), to);
  else if (value.elements.dims() != value.type.shape || isSplat(value.elements))
    to.set_splat(bytesOf(value.elements));
  else
    to.set_raw(bytesOf(value.elements));
}

Value AttributeReader::readValue(const proto::Tensor &from) const {
  const mlir::RankedTensorType mlirType = decodeType(context, from.type());
  const TensorType type{static_cast<DType>(from.type().dtype() - 1), Shape(mlirType.getShape())};
  const auto width = static_cast<int64_t>(runtime::dtypeBytes(type.dtype));
  auto elements = [&](const std::string &bytes, const Shape &shape, int64_t expected) {
    if (static_cast<int64_t>(bytes.size()) != expected)
      throw Problem{"a tensor is " + type.str() + ", which takes " + std::to_string(expected) +
                    " bytes, but has " + std::to_string(bytes.size())};
    if (type.dtype == i1 && std::ranges::any_of(bytes, [](char byte) { return byte & ~1; }))
      throw Problem{"an i1 of a tensor is neither 0 nor 1"};
    return Array(type.dtype, shape, runtime::Bytes::copyOf(bytes.data(), bytes.size()));
  };
  switch (from.data_case()) {
  case proto::Tensor::kRaw:
    return {type, elements(from.raw(), type.shape, mlirType.getNumElements() * width)};
  case proto::Tensor::kSplat:
    return {type, elements(from.splat(), {}, width)};
  case proto::Tensor::kExternal: {
    const auto &place = from.external();
    if (!readTensor)
      throw Problem{"a tensor is in " + place.file() + "; other files are not read here"};
    Array array = readTensor(place.file(), place.tensor());
    if (array.dtype() == type.dtype && array.dims() == type.shape) return {type, std::move(array)};
    throw Problem{"tensor '" + place.tensor() + "' of " + place.file() + " is " + array.typeStr() +
                  ", expected " + type.str()};
  }
  case proto::Tensor::DATA_NOT_SET:
    break;
  }
  throw Problem{"a tensor has no data"};
}

} // namespace weir::graph_file
