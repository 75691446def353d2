//===- float_environment.h - one rounding mode for all kernels --*- C++ -*-===//
// Kernels promise their bits, so they run with the default floating-point environment whatever the
// caller or a library in its process set (flush to zero, another rounding mode).
//===----------------------------------------------------------------------===//
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weir::runtime {

#if defined(__x86_64__)
inline constexpr unsigned kDefaultMxcsr =
    0x1f80; // all exceptions masked, to nearest, denormals kept

inline void resetFloatEnvironment() {
  _mm_setcsr(kDefaultMxcsr);
}

/// Default environment while it lives, the caller's afterwards.
class FloatEnvironment {
public:
  FloatEnvironment() : saved(_mm_getcsr()) {
    if (saved != kDefaultMxcsr) resetFloatEnvironment();
  }
  ~FloatEnvironment() { _mm_setcsr(saved); }
  FloatEnvironment(const FloatEnvironment &) = delete;
  FloatEnvironment &operator=(const FloatEnvironment &) = delete;

private:
  unsigned saved;
};
#else
inline void resetFloatEnvironment() {}
struct FloatEnvironment {
  FloatEnvironment() {}
  ~FloatEnvironment() {}
};
#endif

} // namespace weir::runtime
