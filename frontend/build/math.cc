// Compositions of elementwise ops. The forms are chosen so that no term cancels near 0 and nothing
// overflows before the result does; odd functions are continued by select, not by sign, because the
// derivative of sign and abs at 0 is 0. No MLIR here.
#include "frontend/api/math.h"
#include "frontend/build/emit.h"

#include <cmath>
#include <numbers>

namespace weir {

using namespace build;

namespace {

Tensor floatOf(const char *name, const Arg &x) {
  Operand operand{tensorOf(name, x), "operand"};
  if (runtime::isFloat(operand.tensor.dtype(x.at))) return operand.tensor;
  throw Error(std::string(name) + ": " +
                  std::string(runtime::dtypeName(operand.tensor.dtype(x.at))) +
                  " is not a float dtype",
              x.at, {noteOn(operand)});
}

/// f of x in at least f32.
template <typename F> Tensor compute(const char *name, const Arg &x, F f) {
  CallScope scope(x.at);
  const Tensor t = floatOf(name, x);
  if (runtime::dtypeBytes(t.dtype()) >= 4) return f(t);
  return convert(f(convert(t, f32)), t.dtype());
}

/// f(|x|) with the sign of x: an odd function from its right half, right at 0 too.
template <typename F> Tensor odd(const Tensor &x, F f) {
  Tensor negative = x < 0;
  Tensor half = f(select(negative, -x, x));
  return select(negative, -half, half);
}

/// log(2x) where x is large, else f(x); f sees 1 in place of what is large, so that it has finite
/// derivatives there.
template <typename F> Tensor logOfTwiceWhereLarge(const Tensor &x, F f) {
  Tensor large = x > 0x1p28;
  Tensor near = f(select(large, onesLike(x), x));
  return select(large, log(select(large, x, onesLike(x))) + std::numbers::ln2, near);
}

Tensor asinhOf(const Tensor &x) {
  return odd(x, [](const Tensor &y) {
    return logOfTwiceWhereLarge(
        y, [](const Tensor &z) { return log1p(z * (1 + z / (1 + sqrt(1 + z * z)))); });
  });
}

Tensor acoshOf(const Tensor &x) {
  return logOfTwiceWhereLarge(x, [](const Tensor &z) {
    Tensor above = z - 1;
    return log1p(above + sqrt(above * (above + 2)));
  });
}

/// sqrt(1 - x^2) without cancellation near ±1.
Tensor cosOfAsin(const Tensor &x) {
  return sqrt((1 - x) * (1 + x));
}

/// Where the remainder `rest` must move by one divisor to have its sign.
Tensor crosses(const Tensor &rest, const Arg &y) {
  Tensor divisor = y.kind == Arg::IsTensor
                       ? y.tensor
                       : numberAs(stateOf("floorDiv", {rest}), "floorDiv", y, {rest.dtype(), {}});
  return (rest != 0) & ((rest < 0) != (divisor < 0));
}

} // namespace

Tensor asin(Arg x) {
  return compute("asin", x, [](const Tensor &t) { return atan2(t, cosOfAsin(t)); });
}
Tensor acos(Arg x) {
  return compute("acos", x, [](const Tensor &t) { return atan2(cosOfAsin(t), t); });
}
Tensor atan(Arg x) {
  return compute("atan", x, [](const Tensor &t) { return atan2(t, 1); });
}

Tensor sinh(Arg x) {
  // 2 sinh(x/2) cosh(x/2): neither factor overflows before the product does.
  return compute("sinh", x, [](const Tensor &t) {
    Tensor up = expm1(0.5 * t), down = expm1(-0.5 * t);
    return 0.5 * (up - down) * (up + down + 2);
  });
}
Tensor cosh(Arg x) {
  // 1 + 2 sinh(x/2)^2.
  return compute("cosh", x, [](const Tensor &t) {
    Tensor half = 0.5 * (expm1(0.5 * t) - expm1(-0.5 * t));
    return 1 + 2 * half * half;
  });
}

Tensor asinh(Arg x) {
  return compute("asinh", x, asinhOf);
}
Tensor acosh(Arg x) {
  return compute("acosh", x, acoshOf);
}
Tensor atanh(Arg x) {
  return compute("atanh", x, [](const Tensor &t) { return 0.5 * (log1p(t) - log1p(-t)); });
}

Tensor log2(Arg x) {
  return compute("log2", x, [](const Tensor &t) { return log(t) / std::numbers::ln2; });
}
Tensor log10(Arg x) {
  return compute("log10", x, [](const Tensor &t) { return log(t) / std::numbers::ln10; });
}
Tensor exp2(Arg x) {
  // exp(x ln 2) would lose as many bits as x ln 2 has before its point.
  return compute("exp2", x, [](const Tensor &t) { return pow(2, t); });
}

Tensor trunc(Arg x) {
  return compute("trunc", x, [](const Tensor &t) { return select(t < 0, ceil(t), floor(t)); });
}

Tensor isNan(Arg x) {
  CallScope scope(x.at);
  const Tensor t = floatOf("isNan", x);
  return t != t;
}
Tensor isInf(Arg x) {
  CallScope scope(x.at);
  return abs(floatOf("isInf", x)) == INFINITY;
}

Tensor logAddExp(Arg x, Arg y) {
  CallScope scope(x.at);
  Tensor apart = sub(x, y);
  Tensor finite = select(apart == apart, apart, zerosLike(apart)); // infinities that are equal
  return max(x, y) + log1p(exp(-abs(finite)));
}

Tensor floorDiv(Arg x, Arg y) {
  CallScope scope(x.at);
  Tensor rest = rem(x, y);
  const bool exact = !runtime::isFloat(rest.dtype());
  Tensor quotient = exact ? div(x, y) : roundEven(div(sub(x, rest), y));
  return quotient - convert(crosses(rest, y), rest.dtype());
}
Tensor floorMod(Arg x, Arg y) {
  CallScope scope(x.at);
  Tensor rest = rem(x, y);
  return select(crosses(rest, y), rest + y, rest);
}

Tensor polygamma(Arg n, Arg x) {
  CallScope scope(x.at);
  stateOf("polygamma", {n, x});
  if (n.kind != Arg::IsTensor) {
    if (n.real < 0 || n.real != std::floor(n.real))
      throw Error("polygamma: n must be an integer that is not negative", n.at);
    if (n.real == 0) return digamma(x);
    const double sign = std::fmod(n.real, 2) == 0 ? -1 : 1;
    return sign * std::tgamma(n.real + 1) * zeta(n.real + 1, x);
  }
  Tensor order = stopGradient(n), factorial = exp(lgamma(order + 1));
  Tensor signedFactorial = select(order % 2 == 0, -factorial, factorial);
  // zeta(1, x) is infinite, and so would be its product with a zero cotangent.
  Tensor power = select(order == 0, fullLike(order, 2), order + 1);
  return select(order == 0, digamma(x), signedFactorial * zeta(power, x));
}

} // namespace weir
