// Casts to the element types of narrow.h, by arithmetic in wider ones.
#include "frontend/import/onnx/narrow.h"
#include "frontend/import/onnx/node.h"

#include <cmath>
#include <limits>

namespace weir::onnx {

namespace {

using Kind = Narrow::Kind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(),
                 kInfinity = std::numeric_limits<double>::infinity();

/// The largest power of two up to |x|; 0 where that is no normal number.
Tensor powerBelow(const Tensor &x) {
  return bitcast(bitcast(x, i32) & 0x7f800000, f32);
}

Tensor roundedFloat(const Tensor &x, const Narrow &type, bool saturate) {
  // Twice the largest stands for all that is larger, and infinity.
  const Tensor a = clamp(x, -2 * type.most, 2 * type.most);
  const Tensor quantum =
      max(powerBelow(a), std::ldexp(1, 1 - type.bias)) * std::ldexp(1, -type.mantissa);
  const Tensor r = roundEven(a / quantum) * quantum;
  Tensor y = clamp(r, -type.most, type.most);
  if (!saturate && type.kind != Kind::Finite) {
    const Tensor beyond = type.kind == Kind::Ieee ? r * kInfinity : r * kNan;
    y = select(abs(r) > type.most, beyond, r);
  }
  return select(isNan(x), type.kind == Kind::Finite ? type.most : kNan, y);
}

Tensor roundedExponent(const Tensor &x, const Narrow &type, const std::string &mode) {
  const Tensor a = abs(x), below = powerBelow(a);
  Tensor y = below;
  if (mode == "up") y = select(below < a, below * 2, below);
  if (mode == "nearest") y = select(a >= below * 1.5, below * 2, below);
  return select(isNan(x), kNan, clamp(y, type.least, type.most));
}

Tensor wrapped(const Tensor &x, const Narrow &type) {
  const Tensor whole = convert(x, i32), low = whole & ((1 << type.bits) - 1);
  if (type.least == 0) return convert(low, type.held);
  const int half = 1 << (type.bits - 1);
  return convert(select(low >= half, low - 2 * half, low), type.held);
}

} // namespace

Tensor narrowed(Node &node, const Tensor &x, const Narrow &type, bool saturate,
                const std::string &roundMode) {
  if (type.kind == Kind::Integer) return wrapped(x, type);
  const Tensor wide = x.dtype() == f32 ? x : convert(x, f32);
  if (type.kind != Kind::Exponent) return roundedFloat(wide, type, saturate);
  if (roundMode != "up" && roundMode != "down" && roundMode != "nearest")
    node.fail("round_mode '" + roundMode + "' is not supported");
  return roundedExponent(wide, type, roundMode);
}

} // namespace weir::onnx
