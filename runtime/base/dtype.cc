//===- dtype.cc - element types of host tensors ---------------------------===//
// The one table of element types (size, name, kind), and the two floats that C++ does not have.
//===----------------------------------------------------------------------===//
#include "runtime/base/dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

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

Half::Half(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(value);
  if (std::isnan(value)) {
    bits = sign | 0x7e00;
  } else if (magnitude >= 65520.) {
    bits = sign | 0x7c00;
  } else {
    int exponent = 0;
    std::frexp(magnitude, &exponent); // magnitude = m * 2^exponent, m in [0.5, 1)
    exponent = magnitude == 0 ? -13 : std::max(exponent, -13);
    // In units of the last place; 1024 carries into the exponent field as it should.
    auto units = static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 11 - exponent)));
    bits = sign | (uint16_t((exponent + 13) << 10) + units);
  }
}

Half Half::fromBits(uint16_t bits) {
  Half half;
  half.bits = bits;
  return half;
}

Half::operator float() const {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) return (sign ? -1.f : 1.f) * std::ldexp(float(mantissa), -24);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

BFloat16::BFloat16(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(value);
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = magnitude == 0 ? -125 : std::max(exponent, -125);
  double units = std::nearbyint(std::ldexp(magnitude, 8 - exponent));
  if (std::isnan(value))
    bits = sign | 0x7fc0;
  else if (std::isinf(magnitude) || exponent > 128 || (exponent == 128 && units >= 256))
    bits = sign | 0x7f80;
  else
    bits = sign | (uint16_t((exponent + 125) << 7) + static_cast<uint16_t>(units));
}

BFloat16 BFloat16::fromBits(uint16_t bits) {
  BFloat16 number;
  number.bits = bits;
  return number;
}

BFloat16::operator float() const {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

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

double roundTo(DType dtype, double value) {
  switch (dtype) {
  case DType::F16:
    return Half(value);
  case DType::BF16:
    return BFloat16(value);
  case DType::F32:
    return static_cast<float>(value);
  default:
    return value;
  }
}

bool isUnsigned(DType dtype) {
  return dtype >= DType::U8 && dtype <= DType::U64;
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
