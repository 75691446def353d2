// Matrices of derivatives: Jacobians, Hessians, and the Hessian times a vector, as functions of the
// arguments of the function they are of. All are compositions of jvp, grad and scan, and can
// themselves be differentiated.
#pragma once

#include "frontend/api/function.h"

namespace weir {

/// Forward runs one JVP for each element of the argument, Reverse one VJP for each element of the
/// result.
enum class JacobianMode { Forward, Reverse };

/// The derivative of f's one float result with respect to argument `wrt`:
/// [result dims..., argument dims...].
/// Errors (at the call): an argument that is not float, or not there; several results.
Function jacobian(Function f, int64_t wrt = 0, JacobianMode mode = JacobianMode::Reverse);
/// Second derivatives of f's one float scalar with respect to argument `wrt`, forward over reverse:
/// [dims..., dims...]. Errors: as grad.
Function hessian(Function f, int64_t wrt = 0);
/// (arguments..., v) -> the Hessian with respect to argument `wrt` times v, which is like that
/// argument. Costs about two gradients. Errors: as grad.
Function hessianVectorProduct(Function f, int64_t wrt = 0);

} // namespace weir
