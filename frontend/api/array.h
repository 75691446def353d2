// What users feed and fetch: `weir::Array`, a dense tensor in host memory, and the names of element
// types. Nothing is computed here.
#pragma once

#include "runtime/base/host_tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weir {

using Array = runtime::HostTensor;
using DType = runtime::DType;
using Shape = std::vector<int64_t>;

/// Elements of f16 and bf16 arrays: made from a number, rounding once, and converting to float.
using float16 = runtime::Half;
using bfloat16 = runtime::BFloat16;

inline constexpr DType i1 = DType::I1;
inline constexpr DType i8 = DType::I8;
inline constexpr DType i16 = DType::I16;
inline constexpr DType i32 = DType::I32;
inline constexpr DType i64 = DType::I64;
inline constexpr DType u8 = DType::U8;
inline constexpr DType u16 = DType::U16;
inline constexpr DType u32 = DType::U32;
inline constexpr DType u64 = DType::U64;
inline constexpr DType f16 = DType::F16;
inline constexpr DType bf16 = DType::BF16;
inline constexpr DType f32 = DType::F32;
inline constexpr DType f64 = DType::F64;

/// Element type and sizes: what is known of a value before anything runs.
struct TensorType {
  DType dtype = DType::F32;
  Shape shape;
  bool operator==(const TensorType &) const = default;
  /// "f32[128, 512]".
  std::string str() const { return runtime::typeStr(dtype, shape); }
};

} // namespace weir
