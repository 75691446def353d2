//===- host_tensor.cc - a dense tensor in host memory ---------------------===//
// Construction, copy on write, conversion between element types and printing.
//===----------------------------------------------------------------------===//
#include "runtime/base/host_tensor.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace weir::runtime {

namespace {

int64_t checkedCount(DType dtype, const std::vector<int64_t> &dims) {
  std::optional<int64_t> count = elementCount(dims);
  if (!count || *count > INT64_MAX / 16)
    throw std::invalid_argument("no array can have the type " + typeStr(dtype, dims));
  return *count;
}

float halfToFloat(Half half) {
  uint32_t sign = uint32_t(half.bits & 0x8000) << 16;
  uint32_t exponent = (half.bits >> 10) & 31, mantissa = half.bits & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) return (sign ? -1.f : 1.f) * std::ldexp(float(mantissa), -24);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

/// Rounds once, to nearest even, whatever the exponent.
Half halfFromDouble(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return {uint16_t(sign | 0x7e00)};
  double magnitude = std::fabs(value);
  if (magnitude >= 65520.) return {uint16_t(sign | 0x7c00)};
  int exponent = 0;
  std::frexp(magnitude, &exponent); // magnitude = m * 2^exponent, m in [0.5, 1)
  exponent = magnitude == 0 ? -13 : std::max(exponent, -13);
  // In units of the last place; 1024 carries into the exponent field as it should.
  auto units = static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 11 - exponent)));
  return {uint16_t(sign | (uint16_t((exponent + 13) << 10) + units))};
}

BFloat16 bfloat16FromDouble(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return {uint16_t(sign | 0x7fc0)};
  double magnitude = std::fabs(value);
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = magnitude == 0 ? -125 : std::max(exponent, -125);
  double units = std::nearbyint(std::ldexp(magnitude, 8 - exponent));
  if (std::isinf(magnitude) || exponent > 128 || (exponent == 128 && units >= 256))
    return {uint16_t(sign | 0x7f80)};
  return {uint16_t(sign | (uint16_t((exponent + 125) << 7) + static_cast<uint16_t>(units)))};
}

template <typename T> auto loadElement(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return halfToFloat(value);
  else if constexpr (std::is_same_v<T, BFloat16>)
    return std::bit_cast<float>(uint32_t(value.bits) << 16);
  else
    return value;
}

template <typename T, typename From> T convertTo(From value) {
  if constexpr (std::is_same_v<T, Half>)
    return halfFromDouble(static_cast<double>(value));
  else if constexpr (std::is_same_v<T, BFloat16>)
    return bfloat16FromDouble(static_cast<double>(value));
  else if constexpr (std::is_same_v<T, bool>)
    return value != 0;
  else
    return static_cast<T>(value);
}

/// Calls `body` with a value of the C++ type that stores `dtype`.
template <typename Body> auto visitDType(DType dtype, Body body) {
  switch (dtype) {
  case DType::I1:
    return body(bool{});
  case DType::I8:
    return body(int8_t{});
  case DType::I16:
    return body(int16_t{});
  case DType::I32:
    return body(int32_t{});
  case DType::I64:
    return body(int64_t{});
  case DType::U8:
    return body(uint8_t{});
  case DType::U16:
    return body(uint16_t{});
  case DType::U32:
    return body(uint32_t{});
  case DType::U64:
    return body(uint64_t{});
  case DType::F16:
    return body(Half{});
  case DType::BF16:
    return body(BFloat16{});
  case DType::F32:
    return body(float{});
  case DType::F64:
    return body(double{});
  }
  __builtin_unreachable();
}

} // namespace

HostTensor::HostTensor(DType dtype, std::vector<int64_t> dims)
    : type(dtype), shape(std::move(dims)), count(checkedCount(type, shape)),
      memory(Bytes::uninitialized(count * dtypeBytes(type))) {}

HostTensor::HostTensor(DType dtype, std::vector<int64_t> dims, Bytes bytes)
    : type(dtype), shape(std::move(dims)), count(checkedCount(type, shape)),
      memory(std::move(bytes)) {
  if (memory.size() != count * dtypeBytes(type))
    throw std::invalid_argument("an array of type " + typeStr() + " needs " +
                                std::to_string(count * dtypeBytes(type)) + " bytes, given " +
                                std::to_string(memory.size()));
}

HostTensor HostTensor::zeros(DType dtype, std::vector<int64_t> dims) {
  HostTensor tensor(dtype, std::move(dims));
  std::memset(tensor.memory.data(), 0, tensor.memory.size());
  return tensor;
}

void *HostTensor::mutableRaw() {
  if (memory.isShared()) memory = Bytes::copyOf(memory.data(), memory.size());
  return memory.data();
}

double HostTensor::at(int64_t index) const {
  if (index < 0 || index >= count)
    throw std::invalid_argument("element " + std::to_string(index) + " of " + typeStr() +
                                " asked for");
  return visitDType(type, [&](auto tag) {
    using T = decltype(tag);
    return static_cast<double>(loadElement(static_cast<const T *>(raw())[index]));
  });
}

std::vector<double> HostTensor::toDoubles() const {
  std::vector<double> values(count);
  visitDType(type, [&](auto tag) {
    const auto *source = static_cast<const decltype(tag) *>(raw());
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<double>(loadElement(source[i]));
  });
  return values;
}

HostTensor HostTensor::cast(DType to) const {
  HostTensor result(to, shape);
  void *target = result.mutableRaw();
  visitDType(type, [&](auto fromTag) {
    visitDType(to, [&](auto toTag) {
      const auto *source = static_cast<const decltype(fromTag) *>(raw());
      for (int64_t i = 0; i < count; ++i)
        static_cast<decltype(toTag) *>(target)[i] =
            convertTo<decltype(toTag)>(loadElement(source[i]));
    });
  });
  return result;
}

HostTensor HostTensor::reshaped(std::vector<int64_t> dims) const {
  return HostTensor(type, std::move(dims), memory);
}

bool HostTensor::operator==(const HostTensor &other) const {
  return type == other.type && shape == other.shape &&
         (bytes() == 0 || std::memcmp(raw(), other.raw(), bytes()) == 0);
}

std::string HostTensor::str(int64_t limit) const {
  std::string text = typeStr() + " {";
  for (int64_t i = 0; i < std::min(count, limit); ++i) {
    char number[32];
    if (isFloat(type))
      std::snprintf(number, sizeof number, "%.9g", at(i));
    else
      std::snprintf(number, sizeof number, "%.0f", at(i));
    text += (i ? ", " : "") + std::string(number);
  }
  return text + (count > limit ? ", ...}" : "}");
}

void HostTensor::requireType(DType asked) const {
  if (asked != type)
    throw std::invalid_argument("array is " + typeStr() + ", asked for elements of type " +
                                std::string(dtypeName(asked)));
}

void HostTensor::requireCount(size_t given) const {
  if (given != static_cast<size_t>(count))
    throw std::invalid_argument("an array of type " + typeStr() + " has " + std::to_string(count) +
                                " elements, not " + std::to_string(given));
}

} // namespace weir::runtime
