// The meaning of elementwise ops on one element, where it is more than a function of <cmath> or an
// operator: two's complement integers that never trap, and NaN going through min and max.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace weir::ir::reference::scalar {

// Integers arrive as their value and the caller wraps the result to its dtype. Functions named u…
// are for unsigned dtypes, whose 64 bit numbers arrive as their bits.

inline int64_t add(int64_t a, int64_t b) {
  return uint64_t(a) + uint64_t(b);
}
inline int64_t sub(int64_t a, int64_t b) {
  return uint64_t(a) - uint64_t(b);
}
inline int64_t mul(int64_t a, int64_t b) {
  return uint64_t(a) * uint64_t(b);
}
inline int64_t neg(int64_t a) {
  return sub(0, a);
}

/// Truncates; x / 0 = -1 (all bits set); the one overflow, minimum / -1, wraps to the minimum.
inline int64_t div(int64_t a, int64_t b) {
  if (b == 0) return -1;
  return b == -1 ? neg(a) : a / b;
}
/// Has the sign of the dividend; x rem 0 = x.
inline int64_t rem(int64_t a, int64_t b) {
  if (b == 0) return a;
  return b == -1 ? 0 : a % b;
}
inline int64_t udiv(int64_t a, int64_t b) {
  return b == 0 ? -1 : uint64_t(a) / uint64_t(b);
}
inline int64_t urem(int64_t a, int64_t b) {
  return b == 0 ? a : uint64_t(a) % uint64_t(b);
}
inline int64_t upow(int64_t a, int64_t b) {
  int64_t result = 1;
  for (uint64_t e = b; e; e >>= 1, a = mul(a, a))
    if (e & 1) result = mul(result, a);
  return result;
}
inline int64_t umax(int64_t a, int64_t b) {
  return std::max<uint64_t>(a, b);
}
inline int64_t umin(int64_t a, int64_t b) {
  return std::min<uint64_t>(a, b);
}

/// By squaring, wrapping; a negative exponent truncates 1 / a^|b|, with 1/0 = -1.
inline int64_t pow(int64_t a, int64_t b) {
  if (b < 0) {
    int64_t sign = b % 2 ? -1 : 1;
    return a == 1 ? 1 : a == -1 ? sign : a == 0 ? -1 : 0;
  }
  int64_t result = 1;
  for (; b; b >>= 1, a = mul(a, a))
    if (b & 1) result = mul(result, a);
  return result;
}

/// The low `width` bits, the others 0.
inline uint64_t bits(int64_t a, int width) {
  return width == 64 ? uint64_t(a) : uint64_t(a) & ((uint64_t(1) << width) - 1);
}

/// A shift amount is unsigned: width and above, negative ones included, shift everything out.
inline bool shiftsOut(int64_t amount, int width) {
  return amount < 0 || amount >= width;
}
inline int64_t shiftLeft(int64_t a, int64_t amount, int width) {
  return shiftsOut(amount, width) ? 0 : uint64_t(a) << amount;
}
inline int64_t shiftRightLogical(int64_t a, int64_t amount, int width) {
  return shiftsOut(amount, width) ? 0 : bits(a, width) >> amount;
}
/// The top bit of `width` is the sign, of an unsigned number too.
inline int64_t shiftRightArithmetic(int64_t a, int64_t amount, int width) {
  a = int64_t(uint64_t(a) << (64 - width)) >> (64 - width);
  return a >> (shiftsOut(amount, width) ? width - 1 : amount);
}

/// NaN if either is; +0 is above -0.
inline double max(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return a == b ? (std::signbit(a) ? b : a) : (a > b ? a : b);
}
inline double min(double a, double b) {
  return -max(-a, -b);
}
/// -1, 0 (with its sign), 1, NaN.
inline double sign(double a) {
  return a > 0 ? 1 : a < 0 ? -1 : a;
}

/// Towards zero; out of range saturates; NaN is 0.
inline int64_t toInteger(double a, int width) {
  if (std::isnan(a)) return 0;
  double limit = std::ldexp(1.0, width - 1);
  int64_t largest =
      width == 64 ? std::numeric_limits<int64_t>::max() : (int64_t(1) << (width - 1)) - 1;
  if (a >= limit) return largest;
  return a < -limit ? -largest - 1 : static_cast<int64_t>(a);
}
inline int64_t toUnsigned(double a, int width) {
  if (!(a > 0)) return 0;
  uint64_t largest = ~uint64_t(0) >> (64 - width);
  return a >= std::ldexp(1.0, width) ? largest : static_cast<uint64_t>(a);
}
/// An integer as a double, rounded so that rounding it again to a narrower float gives what one
/// rounding would: towards the odd of its two neighbours 2^11 apart.
inline double toFloatOdd(int64_t a, bool isUnsigned) {
  uint64_t magnitude = a < 0 && !isUnsigned ? -uint64_t(a) : uint64_t(a);
  if (magnitude >= uint64_t(1) << 53)
    magnitude = (magnitude | (magnitude & 0x7ff ? 0x800 : 0)) & ~uint64_t(0x7ff);
  double value = static_cast<double>(magnitude);
  return a < 0 && !isUnsigned ? -value : value;
}

} // namespace weir::ir::reference::scalar
