// Functions of mathematics that are compositions of primitive ops, each written so that value and
// derivatives of any order stay accurate near 0 and for large arguments. Elementwise, on floats,
// with NumPy's broadcasting where there are two operands; 16-bit floats compute in f32 and round
// once.
#pragma once

#include "frontend/api/ops.h"

namespace weir {

// X(function). asin acos: NaN outside [-1, 1]; acosh: below 1; atanh: beyond ±1. trunc: towards
// zero.
#define WEIR_MATH_FUNCTIONS(X)                                                                     \
  X(asin)                                                                                          \
  X(acos)                                                                                          \
  X(atan) X(sinh) X(cosh) X(asinh) X(acosh) X(atanh) X(log2) X(log10) X(exp2) X(trunc)
#define WEIR_DECLARE_MATH(function) Tensor function(Arg x);
WEIR_MATH_FUNCTIONS(WEIR_DECLARE_MATH)
#undef WEIR_DECLARE_MATH

/// -> i1.
Tensor isNan(Arg x);
/// +inf or -inf -> i1.
Tensor isInf(Arg x);
/// log(exp(x) + exp(y)), stable; the shared infinity where both are the same one.
Tensor logAddExp(Arg x, Arg y);
/// Division of integers or floats rounded towards -inf, and what remains, with y's sign.
Tensor floorDiv(Arg x, Arg y);
Tensor floorMod(Arg x, Arg y);
/// Derivative n of digamma: (-1)^(n+1) n! zeta(n + 1, x). `n` holds integers >= 0 and is not
/// differentiated. Source: DLMF 5.15.
Tensor polygamma(Arg n, Arg x);

} // namespace weir
