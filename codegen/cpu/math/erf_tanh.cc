// tanh, logistic and erf: saturating functions written so that the relative error stays small at
// both ends, from expm1's pieces and one division (tanh, logistic), or two polynomials and an exp
// (erf).

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

namespace weir::codegen {

// x + x z P(z), z = x^2, near 0; 1 - 2 / (exp(2 |x|) + 1) beyond. Above the limit tanh rounds to 1.
Expr emitTanh(const Expr &x) {
  bool single = x.width() == 32;
  llvm::ArrayRef<double> near = kTanhF32;
  if (!single) near = kTanhF64;
  Expr z = x * x;
  Expr small = fma(x * z, horner(z, near), x);
  Expr half = atMost(abs(x), single ? 9.5 : 20.0);
  Expr large = 1.0 - 2.0 / expPlus(half + half, 1.0);
  return copySign(select(lt(abs(x), 0.55), small, large), x);
}

// With e = exp(-|x|) and q = e / (1 + e): 1 - q, or for negative x e - e q, more exact than q.
Expr emitLogistic(const Expr &x) {
  Expr e = expInRange(atLeast(-abs(x), formatOf(x).expLow));
  Expr q = e / (1.0 + e);
  Expr whole = select(lt(x, 0.0), e, 1.0);
  return fma(-whole, q, whole);
}

// x + x P(x^2) near 0; 1 - exp(-Q(|x|)) beyond, where the exp is a small part of the result. Above
// the limit erf rounds to 1.
Expr emitErf(const Expr &x) {
  bool single = x.width() == 32;
  llvm::ArrayRef<double> near = kErfSmallF32, far = kErfLargeF32;
  if (!single) near = kErfSmallF64, far = kErfLargeF64;
  Expr small = fma(x, horner(x * x, near), x);
  Expr a = atMost(abs(x), single ? 4.0 : 6.0);
  Expr minusLarge = expPlus(-horner(a, far), -1.0); // the sign is set below
  return copySign(select(lt(abs(x), single ? 0.95 : 1.0), small, minusLarge), x);
}

} // namespace weir::codegen
