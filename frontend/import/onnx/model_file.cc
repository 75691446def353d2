// Tensors of the file: raw bytes, typed fields or external data, each with its size checked before
// memory is taken.
#include "frontend/import/onnx/model_file.h"
#include "frontend/import/onnx/narrow.h"

#include <cstring>
#include <filesystem>
#include <fstream>

namespace weir::onnx {
namespace {

using proto::TensorProto;

[[noreturn]] void fail(const TensorProto &tensor, const std::string &message) {
  throw Error("tensor '" + tensor.name() + "': " + message, Location::current());
}

/// The bytes of a tensor that are in a file beside the model.
std::string externalBytes(const TensorProto &tensor, const std::string &folder, size_t need) {
  std::string location;
  uint64_t offset = 0, length = need;
  for (const auto &entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    try {
      if (entry.key() == "offset") offset = std::stoull(entry.value());
      if (entry.key() == "length") length = std::stoull(entry.value());
    } catch (const std::exception &) {
      fail(tensor, "external data with " + entry.key() + " '" + entry.value() + "'");
    }
  }
  const std::filesystem::path relative(location);
  bool leaves = location.empty() || relative.is_absolute();
  for (const auto &part : relative) leaves |= part == "..";
  if (leaves)
    fail(tensor, "external data must be in the model's folder, not in '" + location + "'");
  if (length != need)
    fail(tensor, "has " + std::to_string(length) + " bytes of external data, must have " +
                     std::to_string(need));
  const std::filesystem::path path = std::filesystem::path(folder) / relative;
  std::error_code code;
  const uint64_t size = std::filesystem::file_size(path, code);
  if (code) fail(tensor, "cannot read external data " + path.string() + ": " + code.message());
  if (offset > size || size - offset < need)
    fail(tensor, path.string() + " is too short for its external data");
  std::string bytes(need, '\0');
  std::ifstream stream(path, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(need)))
    fail(tensor, "cannot read external data " + path.string());
  return bytes;
}

/// Elements out of a typed field, converted by `read`.
template <typename T, typename Field, typename Read>
Array fromField(const TensorProto &tensor, DType dtype, const Shape &dims, const Field &field,
                Read read) {
  const int64_t count = *runtime::elementCount(dims);
  if (field.size() != count)
    fail(tensor, "has " + std::to_string(field.size()) + " elements, its dims need " +
                     std::to_string(count));
  Array array(dtype, dims);
  auto data = array.mutableData<T>();
  for (int i = 0; i < field.size(); ++i) data[static_cast<size_t>(i)] = read(field[i]);
  return array;
}

/// The bytes of packed elements in the typed field: a byte an entry.
std::string packedField(const TensorProto &tensor) {
  std::string bytes;
  for (int32_t entry : tensor.int32_data()) bytes += static_cast<char>(entry);
  return bytes;
}

Array fromFields(const TensorProto &tensor, DType dtype, const Shape &dims) {
  return runtime::visitDType(dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_same_v<T, float>)
      return fromField<T>(tensor, dtype, dims, tensor.float_data(), [](float v) { return v; });
    else if constexpr (std::is_same_v<T, double>)
      return fromField<T>(tensor, dtype, dims, tensor.double_data(), [](double v) { return v; });
    else if constexpr (std::is_same_v<T, int64_t>)
      return fromField<T>(tensor, dtype, dims, tensor.int64_data(), [](int64_t v) { return v; });
    else if constexpr (std::is_same_v<T, uint64_t> || std::is_same_v<T, uint32_t>)
      return fromField<T>(tensor, dtype, dims, tensor.uint64_data(),
                          [](uint64_t v) { return static_cast<T>(v); });
    else if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>)
      return fromField<T>(tensor, dtype, dims, tensor.int32_data(),
                          [](int32_t v) { return T::fromBits(static_cast<uint16_t>(v)); });
    else
      return fromField<T>(tensor, dtype, dims, tensor.int32_data(),
                          [](int32_t v) { return static_cast<T>(v); });
  });
}

} // namespace

std::optional<DType> dtypeOf(int32_t type) {
  switch (type) {
  case TensorProto::FLOAT:
    return f32;
  case TensorProto::UINT8:
    return u8;
  case TensorProto::INT8:
    return i8;
  case TensorProto::UINT16:
    return u16;
  case TensorProto::INT16:
    return i16;
  case TensorProto::INT32:
    return i32;
  case TensorProto::INT64:
    return i64;
  case TensorProto::BOOL:
    return i1;
  case TensorProto::FLOAT16:
    return f16;
  case TensorProto::DOUBLE:
    return f64;
  case TensorProto::UINT32:
    return u32;
  case TensorProto::UINT64:
    return u64;
  case TensorProto::BFLOAT16:
    return bf16;
  default:
    return {};
  }
}

std::string dtypeText(int32_t type) {
  if (!TensorProto::DataType_IsValid(type)) return "type " + std::to_string(type);
  return TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type));
}

std::string typeText(const proto::TypeProto &type) {
  if (type.has_sequence_type()) return "seq(" + typeText(type.sequence_type().elem_type()) + ")";
  if (type.has_optional_type())
    return "optional(" + typeText(type.optional_type().elem_type()) + ")";
  if (type.has_map_type()) return "map";
  if (!type.has_tensor_type()) return "no tensor";
  std::string text = dtypeText(type.tensor_type().elem_type()) + "[";
  const auto &dims = type.tensor_type().shape().dim();
  for (int i = 0; i < dims.size(); ++i) {
    text += i ? ", " : "";
    if (dims[i].has_dim_value())
      text += std::to_string(dims[i].dim_value());
    else
      text += dims[i].dim_param().empty() ? "?" : dims[i].dim_param();
  }
  return text + "]";
}

Array arrayOf(const TensorProto &tensor, const std::string &folder) {
  const Narrow *narrow = narrowOf(tensor.data_type());
  const std::optional<DType> dtype = narrow ? narrow->held : dtypeOf(tensor.data_type());
  if (!dtype) fail(tensor, "element type " + dtypeText(tensor.data_type()) + " is not supported");
  if (tensor.has_segment()) fail(tensor, "segments are not supported");
  const Shape dims(tensor.dims().begin(), tensor.dims().end());
  const std::optional<int64_t> count = runtime::elementCount(dims);
  if (!count) fail(tensor, "has a negative size or too many elements");
  const auto elements = static_cast<size_t>(*count), width = runtime::dtypeBytes(*dtype);
  if (elements > SIZE_MAX / width) fail(tensor, "has too many elements");
  const size_t need = narrow ? packedBytes(*narrow, elements) : elements * width;
  std::string external;
  const std::string *bytes = &tensor.raw_data();
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    external = externalBytes(tensor, folder, need);
    bytes = &external;
  } else if (!tensor.has_raw_data() && narrow) {
    external = packedField(tensor);
    bytes = &external;
  } else if (!tensor.has_raw_data()) {
    return fromFields(tensor, *dtype, dims);
  }
  if (bytes->size() != need)
    fail(tensor,
         "has " + std::to_string(bytes->size()) + " bytes, its dims need " + std::to_string(need));
  if (narrow) return unpacked(*narrow, dims, *bytes);
  Array array(*dtype, dims);
  if (need > 0) std::memcpy(array.mutableRaw(), bytes->data(), need);
  // A byte of a truth is 0 or 1 here.
  if (*dtype == i1)
    for (uint8_t *byte = static_cast<uint8_t *>(array.mutableRaw()), *end = byte + need;
         byte != end; ++byte)
      *byte = *byte != 0;
  return array;
}

Array arrayOf(const proto::SparseTensorProto &tensor, const std::string &folder) {
  const Array values = arrayOf(tensor.values(), folder),
              indices = arrayOf(tensor.indices(), folder);
  const Shape dims(tensor.dims().begin(), tensor.dims().end());
  const std::optional<int64_t> count = runtime::elementCount(dims);
  constexpr int64_t most = int64_t(1) << 28; // a few bytes may ask for any size
  if (!count || *count > most) fail(tensor.values(), "is sparse with too many elements");
  const std::vector<int64_t> at = integersOf(indices);
  const auto rank = static_cast<int64_t>(dims.size());
  const bool flat = indices.rank() == 1;
  if (static_cast<int64_t>(at.size()) != values.size() * (flat ? 1 : rank))
    fail(tensor.values(), "has as many indices as do not fit its values");
  Array dense = Array::zeros(values.dtype(), dims);
  const size_t width = runtime::dtypeBytes(values.dtype());
  auto *to = static_cast<char *>(dense.mutableRaw());
  const auto *from = static_cast<const char *>(values.raw());
  for (int64_t i = 0; i < values.size(); ++i) {
    int64_t place = flat ? at[static_cast<size_t>(i)] : 0;
    for (int64_t d = 0; d < rank && !flat; ++d) {
      const int64_t index = at[static_cast<size_t>(i * rank + d)],
                    size = dims[static_cast<size_t>(d)];
      place = index < 0 || index >= size || place < 0 ? -1 : place * size + index;
    }
    if (place < 0 || place >= *count) fail(tensor.values(), "has an index out of range");
    std::memcpy(to + static_cast<size_t>(place) * width, from + static_cast<size_t>(i) * width,
                width);
  }
  return dense;
}

std::vector<int64_t> integersOf(const Array &array) {
  if (runtime::isFloat(array.dtype()))
    throw Error("integers are needed, not " + array.typeStr(), Location::current());
  const Array wide = array.cast(i64);
  const auto data = wide.data<int64_t>();
  return {data.begin(), data.end()};
}

} // namespace weir::onnx
