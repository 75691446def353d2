// One loop for each type and operation, compiled twice: for any x86-64 and for processors with AVX2
// and F16C, which the first call asks for. Both give the same bits.
#include "distributed/comm/combine.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace weir::distributed {

namespace {

using runtime::BFloat16;
using runtime::DType;
using runtime::Half;
using runtime::ReduceOp;

#define WEIR_INLINE [[gnu::always_inline]] inline

/// How elements are kept and what they are computed in.
template <typename T> struct Element {
  using Stored = T;
  using Number = T;
  WEIR_INLINE static T load(T x) { return x; }
  WEIR_INLINE static T store(T x) { return x; }
};
template <> struct Element<Half> {
  using Stored = _Float16;
  using Number = float;
  WEIR_INLINE static float load(_Float16 x) { return static_cast<float>(x); }
  WEIR_INLINE static _Float16 store(float x) { return static_cast<_Float16>(x); }
};
template <> struct Element<BFloat16> {
  using Stored = uint16_t;
  using Number = float;
  WEIR_INLINE static float load(uint16_t x) { return __builtin_bit_cast(float, uint32_t(x) << 16); }
  WEIR_INLINE static uint16_t store(float x) {
    uint32_t bits = __builtin_bit_cast(uint32_t, x);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return static_cast<uint16_t>(x != x ? bits >> 16 | 0x40 : rounded);
  }
};

template <ReduceOp op, typename T> WEIR_INLINE T apply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if constexpr (op == ReduceOp::Sum) return a + b;
    if constexpr (op == ReduceOp::Prod) return a * b;
    // The sum is NaN where either is.
    bool first = op == ReduceOp::Max ? (a > b || (a == b && !std::signbit(a)))
                                     : (a < b || (a == b && std::signbit(a)));
    return a != a || b != b ? a + b : first ? a : b;
  } else if constexpr (std::is_same_v<T, bool>) {
    return op == ReduceOp::Max ? (a || b) : (a && b);
  } else {
    using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
    if constexpr (op == ReduceOp::Sum) return static_cast<T>(U(a) + U(b));
    if constexpr (op == ReduceOp::Prod) return static_cast<T>(U(a) * U(b));
    return op == ReduceOp::Max ? (a > b ? a : b) : (a < b ? a : b);
  }
}

template <typename T, ReduceOp op>
WEIR_INLINE void loop(const void *left, const void *right, void *to, int64_t count) {
  using Stored = typename Element<T>::Stored;
  auto *a = static_cast<const Stored *>(left), *b = static_cast<const Stored *>(right);
  auto *c = static_cast<Stored *>(to);
  for (int64_t i = 0; i < count; ++i)
    c[i] = Element<T>::store(apply<op>(Element<T>::load(a[i]), Element<T>::load(b[i])));
}

template <typename T>
WEIR_INLINE void byOp(ReduceOp op, const void *left, const void *right, void *to, int64_t count) {
  switch (op) {
  case ReduceOp::Sum:
    return loop<T, ReduceOp::Sum>(left, right, to, count);
  case ReduceOp::Max:
    return loop<T, ReduceOp::Max>(left, right, to, count);
  case ReduceOp::Min:
    return loop<T, ReduceOp::Min>(left, right, to, count);
  case ReduceOp::Prod:
    return loop<T, ReduceOp::Prod>(left, right, to, count);
  }
}

template <typename T>
void plain(ReduceOp op, const void *left, const void *right, void *to, int64_t count) {
  byOp<T>(op, left, right, to, count);
}

#if defined(__x86_64__)
template <typename T>
[[gnu::target("avx2,f16c")]] void wide(ReduceOp op, const void *left, const void *right, void *to,
                                       int64_t count) {
  byOp<T>(op, left, right, to, count);
}

bool hasWide() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
  return has;
}
#endif

} // namespace

void combine(DType dtype, ReduceOp op, const void *left, const void *right, void *to,
             int64_t count) {
  runtime::visitDType(dtype, [&](auto example) {
    using T = decltype(example);
#if defined(__x86_64__)
    if (hasWide()) return wide<T>(op, left, right, to, count);
#endif
    return plain<T>(op, left, right, to, count);
  });
}

} // namespace weir::distributed
