//===- dtype.cc - element types of host tensors ---------------------------===//
// The one table of element types: size, name, kind.
//===----------------------------------------------------------------------===//
#include "runtime/base/dtype.h"

#include <array>

namespace weir::runtime {

namespace {

struct Row {
  std::string_view name;
  size_t bytes;
  bool isFloat;
};

// In the order of the enumeration.
constexpr std::array<Row, 13> kTable = {{
    {"i1", 1, false},
    {"i8", 1, false},
    {"i16", 2, false},
    {"i32", 4, false},
    {"i64", 8, false},
    {"ui8", 1, false},
    {"ui16", 2, false},
    {"ui32", 4, false},
    {"ui64", 8, false},
    {"f16", 2, true},
    {"bf16", 2, true},
    {"f32", 4, true},
    {"f64", 8, true},
}};

const Row &rowOf(DType dtype) {
  return kTable[static_cast<size_t>(dtype)];
}

} // namespace

size_t dtypeBytes(DType dtype) {
  return rowOf(dtype).bytes;
}

std::string_view dtypeName(DType dtype) {
  return rowOf(dtype).name;
}

std::optional<DType> parseDType(std::string_view name) {
  for (size_t i = 0; i < kTable.size(); ++i)
    if (kTable[i].name == name) return static_cast<DType>(i);
  return std::nullopt;
}

bool isFloat(DType dtype) {
  return rowOf(dtype).isFloat;
}

std::string typeStr(DType dtype, const std::vector<int64_t> &dims) {
  std::string text(dtypeName(dtype));
  text += '[';
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text += ']';
}

std::optional<int64_t> elementCount(const std::vector<int64_t> &dims) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0)
      empty = true;
    else if (__builtin_mul_overflow(count, dim, &count))
      return std::nullopt;
  }
  return empty ? 0 : count;
}

} // namespace weir::runtime
