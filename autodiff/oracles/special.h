// Functions of a double that the standard library lacks, for the oracles: by textbook series, not
// by the formulas of the compiler, which they check. Accurate to about 1e-13 where the result is
// not near a zero or a pole.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

namespace weir::autodiff {

/// x with erf(x) = y: a rough guess, then Halley's method on the tail that keeps its digits.
inline double erfInv(double y) {
  if (!(std::abs(y) < 1)) return std::abs(y) == 1 ? y * INFINITY : NAN;
  const double l = std::log1p(-y * y), c = 2 / (std::numbers::pi * 0.147) + l / 2;
  double x = std::sqrt(std::sqrt(c * c - l / 0.147) - c);
  for (int i = 0; i < 3; ++i) {
    const double error = (1 - std::abs(y)) - std::erfc(x);
    const double step = error / (std::numbers::inv_sqrtpi * 2 * std::exp(-x * x));
    x -= step / (1 + x * step);
  }
  return std::copysign(y == 0 ? 0 : x, y);
}

/// The derivative of lgamma.
inline double digamma(double x) {
  if (x <= 0 && x == std::floor(x)) return NAN;
  if (x < 0) return digamma(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * x);
  double sum = 0;
  for (; x < 12; x += 1) sum -= 1 / x;
  const double r = 1 / (x * x);
  // Bernoulli numbers B(2k) / 2k.
  const double series =
      r * (1. / 12 - r * (1. / 120 - r * (1. / 252 - r * (1. / 240 - r * (1. / 132)))));
  return sum + std::log(x) - 0.5 / x - series;
}

/// Hurwitz: the sum over k of (q + k)^-s, for s > 1 and q > 0, by Euler and Maclaurin.
inline double zeta(double s, double q) {
  if (s == 1) return INFINITY;
  if (s < 1 || q <= 0) return NAN;
  double sum = 0;
  for (int k = 0; k < 14; ++k, q += 1) sum += std::pow(q, -s);
  sum += std::pow(q, 1 - s) / (s - 1) + std::pow(q, -s) / 2;
  // B(2k) / (2k)!
  const double factors[] = {1. / 12, -1. / 720, 1. / 30240, -1. / 1209600, 1. / 47900160};
  double term = s * std::pow(q, -s - 1);
  for (int k = 0; k < 5; ++k) {
    sum += factors[k] * term;
    term *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
  }
  return sum;
}

} // namespace weir::autodiff
