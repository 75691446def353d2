// Derivatives by central differences, in double, of any callable on vectors: an oracle for the
// compiler's derivatives.
//
// Two step sizes are combined (Richardson), so the truncation error is O(h^4) and about 1e-10
// relative is reached for functions of moderate curvature. It knows nothing of graphs; the caller
// keeps inputs away from kinks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace weir::autodiff {

using Vector = std::vector<double>;

/// x + scale * direction.
inline Vector moved(const Vector &x, double scale, const Vector &direction) {
  Vector result = x;
  for (size_t i = 0; i < x.size(); ++i) result[i] += scale * direction[i];
  return result;
}

inline double dot(const Vector &a, const Vector &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// J(x) direction, for f : Vector -> Vector. `step` is the larger of the two distances moved along
/// `direction`.
template <typename F>
Vector centralDerivative(F f, const Vector &x, const Vector &direction, double step = 1e-3) {
  auto slope = [&](double h) {
    Vector up = f(moved(x, h, direction)), down = f(moved(x, -h, direction));
    for (size_t i = 0; i < up.size(); ++i) up[i] = (up[i] - down[i]) / (2 * h);
    return up;
  };
  Vector coarse = slope(step), fine = slope(step / 2);
  for (size_t i = 0; i < fine.size(); ++i) fine[i] += (fine[i] - coarse[i]) / 3;
  return fine;
}

/// Gradient at x of f : Vector -> double.
template <typename F> Vector centralGradient(F f, const Vector &x, double step = 1e-3) {
  Vector gradient, unit(x.size(), 0.0);
  for (size_t i = 0; i < x.size(); ++i) {
    unit[i] = 1;
    gradient.push_back(
        centralDerivative([&](const Vector &v) { return Vector{f(v)}; }, x, unit, step)[0]);
    unit[i] = 0;
  }
  return gradient;
}

/// The largest |a - b| relative to max(1, |b|) over all elements; infinite when the sizes differ or
/// a value is NaN.
inline double relativeError(const Vector &a, const Vector &b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    if (std::isnan(error)) return INFINITY;
    worst = std::max(worst, error);
  }
  return worst;
}

} // namespace weir::autodiff
