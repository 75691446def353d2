//===- observer.h - someone who sees every launch of a run ------*- C++ -*-===//
// For debugging: checks what kernels read and write, and may stop the run. A run with an observer
// copies the variables first and puts them back when it is stopped, so that nothing was updated.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/executor/program.h"

#include <span>
#include <vector>

namespace weir::runtime {

/// One launch of a kernel in a run.
class LaunchView {
public:
  LaunchView(const Program &program, int32_t step, std::span<const int64_t> jumps)
      : program(program), step(step), jumps(jumps) {}

  const Instruction &instruction() const { return *program.steps()[step].source; }
  /// Arguments, then results, where this trip of the loops around has them.
  void *const *buffers() const { return program.steps()[step].slots; }
  /// How many trips each loop around it has finished, innermost first; ifs do not count.
  std::vector<int64_t> trips() const;

private:
  const Program &program;
  int32_t step;
  std::span<const int64_t> jumps; // of each step, how often it jumped back since its loop began
};

class LaunchObserver {
public:
  virtual ~LaunchObserver() = default;
  /// Before anything runs, with the feeds in place. False stops the run, here and below.
  virtual bool begin(const Bases &bases) = 0;
  virtual void before(const LaunchView &launch) = 0;
  virtual bool after(const LaunchView &launch) = 0;
  /// When all has run: fetches and variables have their new values.
  virtual bool end(const Bases &bases) = 0;
};

/// Whether there is a NaN, and an infinity.
struct NonFinite {
  bool nan = false, infinity = false;
  bool any() const { return nan || infinity; }
  NonFinite &operator|=(NonFinite other) {
    nan |= other.nan;
    infinity |= other.infinity;
    return *this;
  }
};
/// Of `count` elements; none of a dtype that is not a float. Runs at the speed of memory.
NonFinite findNonFinite(DType dtype, const void *data, int64_t count);

} // namespace weir::runtime
