// Random inputs that are the same everywhere: a generator of our own (the standard's distributions
// differ between libraries) and ranges that keep away from the places where an op has no
// derivative.
#pragma once

#include "runtime/base/host_tensor.h"

#include <cstdint>
#include <vector>

namespace weir::testing {

/// splitmix64.
class Rng {
public:
  explicit Rng(uint64_t seed) : state(seed) {
    state = next();
  } // seeds that follow each other share nothing
  uint64_t next();
  /// In [low, high).
  double uniform(double low, double high);
  /// In [0, bound).
  int64_t below(int64_t bound) { return next() % bound; }
  bool chance(double probability) { return uniform(0, 1) < probability; }
  template <class T> const T &pick(const std::vector<T> &from) { return from[below(from.size())]; }

private:
  uint64_t state;
};

struct Range {
  enum Avoid {
    Nothing,
    Zero,         // |x| >= 0.2
    HalfIntegers, // at least 0.1 away from every multiple of 0.5
    Equals,       // no two elements of all inputs with this range are nearer than 0.02
  };
  double low = -2, high = 2;
  Avoid avoid = Nothing;
};

/// One input of a function under test.
struct Arg {
  runtime::DType dtype;
  std::vector<int64_t> dims;
  Range range = {};
};

/// A tensor for each argument. Integers are drawn from [low, high] as far as the dtype goes,
/// booleans from both values.
std::vector<runtime::HostTensor> randomInputs(const std::vector<Arg> &args, uint64_t seed);
/// As above, most elements taken from where arithmetic goes wrong: 0, -1, 1, the least and the
/// largest numbers of the dtype, and for floats -0, infinities, NaN and numbers below the normal
/// ones.
std::vector<runtime::HostTensor> edgeInputs(const std::vector<Arg> &args, uint64_t seed);

/// A tensor of `dtype` with each of `values` converted (integers truncate).
runtime::HostTensor tensorOf(runtime::DType dtype, std::vector<int64_t> dims,
                             const std::vector<double> &values);

} // namespace weir::testing
