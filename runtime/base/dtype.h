//===- dtype.h - element types of host tensors ------------------*- C++ -*-===//
// The element types that cross the border of a compiled graph, their sizes and names. One list;
// everything else (dtypeOf<T>, names in messages and in files) derives from it.
// An I1 is one byte, 0 or 1. Half and BFloat16 only convert: there is no arithmetic on them here.
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weir::runtime {

enum class DType : uint8_t { I1, I8, I16, I32, I64, U8, U16, U32, U64, F16, BF16, F32, F64 };

/// An IEEE binary16 number.
struct Half {
  Half() = default;
  /// Rounds once, to nearest even.
  explicit Half(double value);
  static Half fromBits(uint16_t bits);
  operator float() const;

  uint16_t bits = 0;
};
/// The upper 16 bits of an IEEE binary32 number.
struct BFloat16 {
  BFloat16() = default;
  /// Rounds once, to nearest even.
  explicit BFloat16(double value);
  static BFloat16 fromBits(uint16_t bits);
  operator float() const;

  uint16_t bits = 0;
};

/// Bytes of one element in memory.
size_t dtypeBytes(DType dtype);
/// "f32", "i1", "bf16", ... as MLIR spells them; unsigned ones are "ui8", "ui16", ...
std::string_view dtypeName(DType dtype);
/// The inverse of dtypeName; nothing for an unknown name.
std::optional<DType> parseDType(std::string_view name);

bool isFloat(DType dtype);
bool isUnsigned(DType dtype);
/// The number of a float dtype that is nearest to `value`, ties to even.
double roundTo(DType dtype, double value);

/// "f32[128, 512]", the way that every message writes a tensor's type; "f32[]" is a scalar.
std::string typeStr(DType dtype, const std::vector<int64_t> &dims);
/// Product of the dims (1 for a scalar); nothing when a dim is negative or the product overflows.
std::optional<int64_t> elementCount(const std::vector<int64_t> &dims);

/// The DType whose elements are stored as T: bool is I1, uint8_t is U8, float is F32, ...
template <typename T> constexpr DType dtypeOf() {
  if constexpr (std::is_same_v<T, bool>)
    return DType::I1;
  else if constexpr (std::is_same_v<T, int8_t>)
    return DType::I8;
  else if constexpr (std::is_same_v<T, int16_t>)
    return DType::I16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::I32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::I64;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::U8;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return DType::U16;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return DType::U32;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return DType::U64;
  else if constexpr (std::is_same_v<T, Half>)
    return DType::F16;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return DType::BF16;
  else if constexpr (std::is_same_v<T, float>)
    return DType::F32;
  else {
    static_assert(std::is_same_v<T, double>, "no DType is stored as this C++ type");
    return DType::F64;
  }
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

} // namespace weir::runtime
