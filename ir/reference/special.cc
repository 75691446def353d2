// erf_inv by Halley's iteration on erf and erfc, digamma and zeta by recurrence and the
// Euler-Maclaurin formula.
#include "ir/reference/special.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace weir::ir::reference::scalar {

static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// B_2, B_4, ...: DLMF table 24.2.3.
static constexpr long double kBernoulli[] = {
    1.0L / 6,       -1.0L / 30, 1.0L / 42,      -1.0L / 30,     5.0L / 66,
    -691.0L / 2730, 7.0L / 6,   -3617.0L / 510, 43867.0L / 798, -174611.0L / 330};

/// A first guess good to 2e-3 relative: S. Winitzki, A handy approximation for the error function
/// and its inverse, 2008.
static double erfInvGuess(double x) {
  if (x < 0.1) return x * std::sqrt(std::numbers::pi) / 2;
  const double a = 0.147, log = std::log((1 - x) * (1 + x));
  const double t = 2 / (std::numbers::pi * a) + log / 2;
  return std::sqrt(std::sqrt(t * t - log / a) - t);
}

double erfInv(double x) {
  const double size = std::abs(x);
  if (!(size <= 1)) return kNan;
  if (size == 1) return std::copysign(kInfinity, x);
  double y = erfInvGuess(size);
  for (int step = 0; step < 3; ++step) {
    // Above 1/2 the distance from 1 is exact and erfc keeps all its digits.
    double off = size < 0.5 ? std::erf(y) - size : (1 - size) - std::erfc(y);
    double newton = off * std::exp(y * y) * std::sqrt(std::numbers::pi) / 2;
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

/// DLMF 5.11.2 above 20, 5.5.2 down to there, 5.5.4 for negative x.
double digamma(double x) {
  if (x <= 0) {
    if (x == std::floor(x)) return kNan;
    long double turn = std::numbers::pi_v<long double> * (x - std::round(x));
    return digamma(1 - x) - std::numbers::pi_v<long double> / std::tan(turn);
  }
  long double z = x, sum = 0;
  for (; z < 20; z += 1) sum -= 1 / z;
  long double power = 1;
  sum += std::log(z) - 1 / (2 * z);
  for (int k = 1; k <= 10; ++k) {
    power /= z * z;
    sum -= kBernoulli[k - 1] * power / (2 * k);
  }
  return sum;
}

/// DLMF 25.11.28's sum: what is left of the series from `z` on.
static long double zetaTail(long double x, long double z) {
  long double sum = std::pow(z, 1 - x) / (x - 1) + std::pow(z, -x) / 2;
  long double factor = x * std::pow(z, -x - 1) / 2; // x (x+1) ... z^(-x-2k+1) / (2k)!
  for (int k = 1; k <= 10; ++k) {
    sum += kBernoulli[k - 1] * factor;
    factor *= (x + 2 * k - 1) * (x + 2 * k) / ((2 * k + 1) * (2 * k + 2) * z * z);
  }
  return sum;
}

double zeta(double x, double q) {
  if (x == 1) return kInfinity;
  if (!(x > 1) || std::isnan(q)) return kNan;
  const bool wholeX = x == std::floor(x);
  if (q <= 0 && q == std::floor(q)) return wholeX && std::fmod(x, 2) == 0 ? kInfinity : kNan;
  if (q < 0 && (!wholeX || q < -1e6)) return kNan;
  // The tail converges where z is as large as x; by then the terms may not count any more.
  long double z = q, sum = 0, term = 1;
  for (; z < 20 || z < x; z += 1) {
    term = std::pow(z, static_cast<long double>(-x));
    sum += term;
    if (z > 1 && term <= 1e-22L * sum) return sum;
  }
  return sum + zetaTail(x, z);
}

} // namespace weir::ir::reference::scalar
