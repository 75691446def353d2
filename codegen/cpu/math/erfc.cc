// erfc and erf_inv, in f64 for f32 as well: their tails need more digits than f32 has on the way.

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

#include <limits>

namespace weir::codegen {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// 1 - erf(x) near 0; exp(-x^2) P(t) / (1 + 2 x), t = (x - 3.75) / (x + 3.75), beyond (Shepherd and
// Laframboise 1981), with x^2 as a sum of two floats. Above 28 erfc rounds to 0.
Expr erfcInDouble(const Expr &x) {
  Expr near = 1.0 - fma(x, horner(x * x, kErfSmallF64), x);
  Expr a = atMost(abs(x), 28.0), square = a * a;
  Expr low = -fma(a, a, -square);
  Expr scaled = horner((a - 3.75) / (a + 3.75), kErfcF64) / fma(a, 2.0, 1.0);
  Expr tail = expInRange(atLeast(-square, formatOf(x).expLow), &low) * scaled;
  return select(lt(abs(x), 0.5), near, select(lt(x, 0.0), 2.0 - tail, tail));
}

// x P(w) or x P(sqrt(w)) with w = -log(1 - x^2), in three ranges (Giles 2010, with polynomials of
// our own).
Expr erfInvInDouble(const Expr &x) {
  Expr w = -emitLog((1.0 - x) * (1.0 + x)), root = sqrt(w);
  Expr near = horner(w - 3.125, kErfInvNear);
  Expr middle = horner(root - 3.25, kErfInvMiddle), far = horner(root - 5.0, kErfInvFar);
  Expr p = select(lt(w, 6.25), near, select(lt(root, 4.0), middle, far));
  return x * select(eq(abs(x), 1.0), kInf, p);
}

} // namespace

Expr emitErfc(const Expr &x) {
  return inDouble({x}, [](llvm::ArrayRef<Expr> v) { return erfcInDouble(v[0]); });
}

Expr emitErfInv(const Expr &x) {
  return inDouble({x}, [](llvm::ArrayRef<Expr> v) { return erfInvInDouble(v[0]); });
}

} // namespace weir::codegen
