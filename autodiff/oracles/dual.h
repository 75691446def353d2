// Dual numbers: forward-mode differentiation by operator overloading.
//
// Dual<T> carries a value and one directional derivative; a templated function that runs on double
// runs on Dual<double> as well, and on Dual<Dual<double>> for second order. It is an oracle for the
// compiler's derivatives: it has formulas of its own, uses the standard library (and special.h)
// alone and shares no code with the rules it checks.
#pragma once

#include "autodiff/oracles/special.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace weir::autodiff {

template <typename T> struct Dual {
  T value{};
  T tangent{};

  Dual() = default;
  Dual(double constant) : value(constant), tangent(0.0) {}
  Dual(T value, T tangent) : value(value), tangent(tangent) {}

  friend Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.tangent + b.tangent}; }
  friend Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.tangent - b.tangent}; }
  friend Dual operator-(Dual a) { return {-a.value, -a.tangent}; }
  friend Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, a.tangent * b.value + a.value * b.tangent};
  }
  friend Dual operator/(Dual a, Dual b) {
    return {a.value / b.value, (a.tangent * b.value - a.value * b.tangent) / (b.value * b.value)};
  }
  Dual &operator+=(Dual b) { return *this = *this + b; }
  Dual &operator-=(Dual b) { return *this = *this - b; }
  Dual &operator*=(Dual b) { return *this = *this * b; }
  Dual &operator/=(Dual b) { return *this = *this / b; }

  friend bool operator<(const Dual &a, const Dual &b) { return a.value < b.value; }
  friend bool operator>(const Dual &a, const Dual &b) { return a.value > b.value; }
  friend bool operator==(const Dual &a, const Dual &b) { return a.value == b.value; }
};

/// f(a) whose derivative in a.value is `slope`.
template <typename T> Dual<T> chain(const Dual<T> &a, T value, T slope) {
  return {value, slope * a.tangent};
}

template <typename T> Dual<T> exp(Dual<T> a) {
  using std::exp;
  return chain<T>(a, exp(a.value), exp(a.value));
}
template <typename T> Dual<T> expm1(Dual<T> a) {
  using std::exp, std::expm1;
  return chain<T>(a, expm1(a.value), exp(a.value));
}
template <typename T> Dual<T> log(Dual<T> a) {
  using std::log;
  return chain<T>(a, log(a.value), T(1.0) / a.value);
}
template <typename T> Dual<T> log1p(Dual<T> a) {
  using std::log1p;
  return chain<T>(a, log1p(a.value), T(1.0) / (T(1.0) + a.value));
}
template <typename T> Dual<T> sqrt(Dual<T> a) {
  using std::sqrt;
  return chain<T>(a, sqrt(a.value), T(1.0) / (T(2.0) * sqrt(a.value)));
}
template <typename T> Dual<T> cbrt(Dual<T> a) {
  using std::cbrt;
  T root = cbrt(a.value);
  return chain<T>(a, root, T(1.0) / (T(3.0) * root * root));
}
template <typename T> Dual<T> sin(Dual<T> a) {
  using std::cos, std::sin;
  return chain<T>(a, sin(a.value), cos(a.value));
}
template <typename T> Dual<T> cos(Dual<T> a) {
  using std::cos, std::sin;
  return chain<T>(a, cos(a.value), -sin(a.value));
}
template <typename T> Dual<T> tan(Dual<T> a) {
  using std::cos, std::tan;
  T c = cos(a.value);
  return chain<T>(a, tan(a.value), T(1.0) / (c * c));
}
template <typename T> Dual<T> tanh(Dual<T> a) {
  using std::cosh, std::tanh;
  T c = cosh(a.value);
  return chain<T>(a, tanh(a.value), T(1.0) / (c * c));
}
template <typename T> Dual<T> cosh(Dual<T> a) {
  using std::cosh, std::sinh;
  return chain<T>(a, cosh(a.value), sinh(a.value));
}
template <typename T> Dual<T> sinh(Dual<T> a) {
  using std::cosh, std::sinh;
  return chain<T>(a, sinh(a.value), cosh(a.value));
}
template <typename T> Dual<T> erf(Dual<T> a) {
  using std::erf, std::exp;
  const double twoOverRootPi = 1.1283791670955126;
  return chain<T>(a, erf(a.value), T(twoOverRootPi) * exp(-(a.value * a.value)));
}
template <typename T> Dual<T> erfc(Dual<T> a) {
  using std::erfc, std::exp;
  const double twoOverRootPi = 1.1283791670955126;
  return chain<T>(a, erfc(a.value), T(-twoOverRootPi) * exp(-(a.value * a.value)));
}
template <typename T> Dual<T> erfInv(Dual<T> a) {
  using std::exp;
  const double halfRootPi = 0.8862269254527580;
  T value = erfInv(a.value);
  return chain<T>(a, value, T(halfRootPi) * exp(value * value));
}
template <typename T> Dual<T> zeta(Dual<T> s, Dual<T> q);
template <typename T> Dual<T> digamma(Dual<T> a) {
  return chain<T>(a, digamma(a.value), zeta(T(2.0), a.value));
}
template <typename T> Dual<T> lgamma(Dual<T> a) {
  using std::lgamma;
  return chain<T>(a, lgamma(a.value), digamma(a.value));
}
/// Along q only.
template <typename T> Dual<T> zeta(Dual<T> s, Dual<T> q) {
  return chain<T>(q, zeta(s.value, q.value), -s.value * zeta(s.value + T(1.0), q.value));
}
template <typename T> Dual<T> abs(Dual<T> a) {
  if (a.value == T(0.0)) return {T(0.0), T(0.0)};
  return a.value < T(0.0) ? -a : a;
}
template <typename T> Dual<T> pow(Dual<T> a, Dual<T> b) {
  using std::log, std::pow;
  T value = pow(a.value, b.value);
  T alongBase = b.value == T(0.0) ? T(0.0) : b.value * pow(a.value, b.value - T(1.0)) * a.tangent;
  return {value, a.value == T(0.0) ? alongBase : alongBase + value * log(a.value) * b.tangent};
}
template <typename T> Dual<T> atan2(Dual<T> y, Dual<T> x) {
  using std::atan2;
  T radius2 = x.value * x.value + y.value * y.value;
  return {atan2(y.value, x.value), (x.value * y.tangent - y.value * x.tangent) / radius2};
}
template <typename T> T truncatedQuotient(const T &a, const T &b) {
  return std::trunc(a / b);
}
template <typename T> T truncatedQuotient(const Dual<T> &a, const Dual<T> &b) {
  return truncatedQuotient(a.value, b.value);
}
/// Remainder with the sign of the dividend: a - trunc(a / b) b.
template <typename T> Dual<T> fmod(Dual<T> a, Dual<T> b) {
  return a - Dual<T>(T(truncatedQuotient(a.value, b.value)), T(0.0)) * b;
}
/// At a tie the tangent is the mean of the two.
template <typename T> Dual<T> fmax(Dual<T> a, Dual<T> b) {
  if (a.value == b.value) return {a.value, (a.tangent + b.tangent) / T(2.0)};
  return a.value > b.value ? a : b;
}
template <typename T> Dual<T> fmin(Dual<T> a, Dual<T> b) {
  return -fmax(-a, -b);
}

/// Derivative of `f` : vector -> vector at `x` along `direction`; `f` is callable with
/// std::vector<Dual<double>>.
template <typename F>
std::vector<double> dualDerivative(F f, const std::vector<double> &x,
                                   const std::vector<double> &direction) {
  std::vector<Dual<double>> in(x.size());
  for (size_t i = 0; i < x.size(); ++i) in[i] = {x[i], direction[i]};
  std::vector<double> out;
  for (const Dual<double> &y : f(in)) out.push_back(y.tangent);
  return out;
}

} // namespace weir::autodiff
