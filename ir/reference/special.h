// Special functions that <cmath> lacks, on doubles. Published series in long double: slow, and good
// to about 1e-15 relative where the function is well conditioned.
#pragma once

namespace weir::ir::reference::scalar {

/// The y with erf(y) = x: ±inf at ±1, NaN beyond.
double erfInv(double x);
/// d/dx log Γ(x); NaN at 0, -1, -2, ...
double digamma(double x);
/// Hurwitz zeta, Σ (k + q)^-x over k >= 0: inf at x = 1, NaN below. At q = 0, -1, ... inf for even
/// x and NaN otherwise; at other negative q (down to -1e6) it needs a whole x, else NaN.
double zeta(double x, double q);

} // namespace weir::ir::reference::scalar
