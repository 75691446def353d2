//===- host_tensor.cc - a dense tensor in host memory ---------------------===//
// Construction, copy on write, conversion between element types and printing.
//===----------------------------------------------------------------------===//
#include "runtime/base/host_tensor.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace weir::runtime {

namespace {

int64_t checkedCount(DType dtype, const std::vector<int64_t> &dims) {
  std::optional<int64_t> count = elementCount(dims);
  if (!count || *count > INT64_MAX / 16)
    throw std::invalid_argument("no array can have the type " + typeStr(dtype, dims));
  return *count;
}

/// Towards zero, saturating.
template <typename T> T integerFrom(double value) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(value)) return 0;
  if (value >= std::ldexp(1.0, Limits::digits)) return Limits::max();
  return value <= static_cast<double>(Limits::min()) ? Limits::min() : static_cast<T>(value);
}

template <typename T, typename From> T convertTo(From value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
    return T(static_cast<double>(value));
  else if constexpr (std::is_same_v<T, bool>)
    return value != 0;
  else if constexpr (std::is_integral_v<T> && !std::is_integral_v<From>)
    return integerFrom<T>(value);
  else
    return static_cast<T>(value);
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
    return static_cast<double>(static_cast<const T *>(raw())[index]);
  });
}

std::vector<double> HostTensor::toDoubles() const {
  std::vector<double> values(count);
  visitDType(type, [&](auto tag) {
    const auto *source = static_cast<const decltype(tag) *>(raw());
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<double>(source[i]);
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
        static_cast<decltype(toTag) *>(target)[i] = convertTo<decltype(toTag)>(source[i]);
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

std::string HostTensor::elementStr(int64_t index) const {
  return visitDType(type, [&](auto tag) -> std::string {
    auto value = static_cast<const decltype(tag) *>(raw())[index];
    if constexpr (std::is_integral_v<decltype(tag)>) return std::to_string(+value);
    char number[32];
    std::snprintf(number, sizeof number, "%.9g", static_cast<double>(value));
    return number;
  });
}

std::string HostTensor::str(int64_t limit) const {
  std::string text = typeStr() + " {";
  for (int64_t i = 0; i < std::min(count, limit); ++i) {
    text += (i ? ", " : "") + elementStr(i);
  }
  return text + (count <= limit ? "}" : limit > 0 ? ", ...}" : "...}");
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
