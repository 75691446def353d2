// Drawing elements one by one; elements that must differ are drawn without replacement from a grid
// over all inputs.
#include "tests/harness/random.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::testing {

using runtime::DType;
using runtime::HostTensor;

uint64_t Rng::next() {
  uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double Rng::uniform(double low, double high) {
  return low + (high - low) * (double(next() >> 11) * 0x1p-53);
}

static bool avoided(double x, Range::Avoid avoid) {
  if (avoid == Range::Zero) return std::abs(x) < 0.2;
  if (avoid == Range::HalfIntegers) return std::abs(2 * x - std::round(2 * x)) < 0.2;
  return false;
}

/// [low, high] within what an integer dtype holds.
static Range wholeRange(const Arg &arg) {
  int width = 8 * runtime::dtypeBytes(arg.dtype);
  bool isUnsigned = runtime::isUnsigned(arg.dtype);
  double above = std::exp2(isUnsigned ? width : width - 1), least = isUnsigned ? 0 : -above;
  return {std::max(arg.range.low, least), std::min(arg.range.high, above - 1)};
}

static double draw(const Arg &arg, Rng &rng) {
  if (arg.dtype == DType::I1) return rng.below(2);
  double x = rng.uniform(arg.range.low, arg.range.high);
  if (!runtime::isFloat(arg.dtype)) {
    Range range = wholeRange(arg);
    return std::floor(rng.uniform(range.low, range.high + 1));
  }
  while (avoided(x, arg.range.avoid)) x = rng.uniform(arg.range.low, arg.range.high);
  return x;
}

namespace {

/// Points of [low, high], at least 0.02 apart, in random order.
class DistinctPoints {
public:
  DistinctPoints(Range range, int64_t count, Rng &rng) {
    double step = std::max(0.04, (range.high - range.low) / std::max<int64_t>(count, 1));
    for (int64_t k = 0; k < count; ++k)
      points.push_back(range.low + step * (k + rng.uniform(0.25, 0.75)));
    for (int64_t k = count - 1; k > 0; --k) std::swap(points[k], points[rng.below(k + 1)]);
  }
  double take() {
    double point = points.back();
    points.pop_back();
    return point;
  }

private:
  std::vector<double> points;
};

} // namespace

static int64_t sizeOf(const Arg &arg) {
  return runtime::elementCount(arg.dims).value();
}

std::vector<HostTensor> randomInputs(const std::vector<Arg> &args, uint64_t seed) {
  Rng rng(seed);
  auto isDistinct = [](const Arg &arg) {
    return runtime::isFloat(arg.dtype) && arg.range.avoid == Range::Equals;
  };
  int64_t distinct = 0;
  Range range;
  for (const Arg &arg : args)
    if (isDistinct(arg)) distinct += sizeOf(arg), range = arg.range;
  DistinctPoints points(range, distinct, rng);
  std::vector<HostTensor> inputs;
  for (const Arg &arg : args) {
    std::vector<double> values(sizeOf(arg));
    for (double &value : values) value = isDistinct(arg) ? points.take() : draw(arg, rng);
    inputs.push_back(tensorOf(arg.dtype, arg.dims, values));
  }
  return inputs;
}

/// One of the elements where arithmetic goes wrong.
template <class T> static T edge(Rng &rng) {
  if constexpr (std::is_same_v<T, bool>) {
    return rng.below(2);
  } else if constexpr (std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    return rng.pick(std::vector<T>{T(0), T(1), T(-1), Limits::min(), Limits::max(), T(2)});
  } else {
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> edges = {0.0, -0.0, 1, -1, 0.5, -2.5, 3, infinity, -infinity, std::nan("")};
    // The largest and least normal numbers, and some below them.
    double largest = sizeof(T) == 8                     ? 0x1.fffffffffffffp1023
                     : sizeof(T) == 4                   ? 0x1.fffffep127
                     : std::is_same_v<T, runtime::Half> ? 65504
                                                        : 0x1.fep127;
    double normal = sizeof(T) == 8                     ? 0x1p-1022
                    : std::is_same_v<T, runtime::Half> ? 0x1p-14
                                                       : 0x1p-126;
    for (double x : {largest, normal, normal / 4, 3 * normal / 8})
      edges.insert(edges.end(), {x, -x});
    return T(rng.pick(edges));
  }
}

std::vector<HostTensor> edgeInputs(const std::vector<Arg> &args, uint64_t seed) {
  std::vector<HostTensor> inputs = randomInputs(args, seed);
  Rng rng(seed + 1);
  for (HostTensor &input : inputs)
    runtime::visitDType(input.dtype(), [&](auto tag) {
      using T = decltype(tag);
      for (T &x : input.mutableData<T>())
        if (rng.chance(0.8)) x = edge<T>(rng);
    });
  return inputs;
}

HostTensor tensorOf(DType dtype, std::vector<int64_t> dims, const std::vector<double> &values) {
  return HostTensor::from<double>(std::move(dims), values).cast(dtype);
}

} // namespace weir::testing
