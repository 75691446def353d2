#include "frontend/import/onnx/narrow.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace weir::onnx {

namespace {

using proto::TensorProto;
using Kind = Narrow::Kind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(),
                 kInfinity = std::numeric_limits<double>::infinity();

/// The float that an element's bits stand for.
double floatOf(const Narrow &type, unsigned bits) {
  const unsigned sign = bits >> (type.bits - 1), magnitude = bits & ((1u << (type.bits - 1)) - 1);
  if (type.kind == Kind::Exponent)
    return bits == 255 ? kNan : std::ldexp(1, static_cast<int>(bits) - type.bias);
  if (type.kind == Kind::NoMinusZero && sign && magnitude == 0) return kNan;
  if (type.kind == Kind::OnesAreNan && magnitude == (1u << (type.bits - 1)) - 1) return kNan;
  const auto exponent = static_cast<int>(magnitude >> type.mantissa);
  const unsigned fraction = magnitude & ((1u << type.mantissa) - 1);
  const bool isTop = exponent == (1 << (type.bits - 1 - type.mantissa)) - 1;
  double value = std::ldexp(fraction + (exponent ? 1 << type.mantissa : 0),
                            std::max(exponent, 1) - type.bias - type.mantissa);
  if (type.kind == Kind::Ieee && isTop) value = fraction ? kNan : kInfinity;
  return sign ? -value : value;
}

} // namespace

const Narrow *narrowOf(int32_t type) {
  static const std::array<Narrow, 10> types = {{
      {TensorProto::INT4, Kind::Integer, i8, 4, 0, 0, -8, 7},
      {TensorProto::UINT4, Kind::Integer, u8, 4, 0, 0, 0, 15},
      {TensorProto::INT2, Kind::Integer, i8, 2, 0, 0, -2, 1},
      {TensorProto::UINT2, Kind::Integer, u8, 2, 0, 0, 0, 3},
      {TensorProto::FLOAT4E2M1, Kind::Finite, f32, 4, 1, 1, -6, 6},
      {TensorProto::FLOAT8E4M3FN, Kind::OnesAreNan, f32, 8, 3, 7, -448, 448},
      {TensorProto::FLOAT8E4M3FNUZ, Kind::NoMinusZero, f32, 8, 3, 8, -240, 240},
      {TensorProto::FLOAT8E5M2, Kind::Ieee, f32, 8, 2, 15, -57344, 57344},
      {TensorProto::FLOAT8E5M2FNUZ, Kind::NoMinusZero, f32, 8, 2, 16, -57344, 57344},
      {TensorProto::FLOAT8E8M0, Kind::Exponent, f32, 8, 0, 127, 0x1p-127, 0x1p127},
  }};
  auto found = std::find_if(types.begin(), types.end(),
                            [&](const Narrow &narrow) { return narrow.type == type; });
  return found == types.end() ? nullptr : found;
}

size_t packedBytes(const Narrow &type, size_t count) {
  const auto each = static_cast<size_t>(8 / type.bits);
  return count / each + (count % each != 0);
}

Array unpacked(const Narrow &type, const Shape &dims, std::string_view bytes) {
  std::vector<double> values(static_cast<size_t>(*runtime::elementCount(dims)));
  const auto each = static_cast<size_t>(8 / type.bits);
  for (size_t i = 0; i < values.size(); ++i) {
    const unsigned byte = static_cast<uint8_t>(bytes[i / each]);
    const unsigned element =
        byte >> (i % each * static_cast<size_t>(type.bits)) & ((1u << type.bits) - 1);
    const bool isBelow = type.least < 0 && element >> (type.bits - 1);
    const int whole = static_cast<int>(element) - (isBelow ? 1 << type.bits : 0);
    values[i] = type.kind == Kind::Integer ? whole : floatOf(type, element);
  }
  return Array::from<double>(dims, values).cast(type.held);
}

} // namespace weir::onnx
