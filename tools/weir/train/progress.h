// Progress of long work on standard error: a bar that redraws itself on a terminal, a line each
// tenth elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::tools {

/// Seconds since construction, less what was excluded.
class Stopwatch {
public:
  double seconds() const {
    return excluded + std::chrono::duration<double>(Clock::now() - start).count();
  }
  /// Counts `seconds` as if they had passed before (negative: takes them out).
  void add(double seconds) { excluded += seconds; }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
  double excluded = 0;
};

class ProgressBar {
public:
  /// `done` of `total` steps were done before; `unitsPerStep` tokens or rows a step, named `unit`.
  ProgressBar(int64_t done, int64_t total, int64_t unitsPerStep, std::string unit);
  /// After step `done`; redraws at most ten times a second. `seconds` is the time of the steps
  /// since construction.
  void update(int64_t done, double loss, double seconds);
  /// A line of its own between redraws.
  void print(const std::string &line);
  void finish();

private:
  std::string line(int64_t done, double loss, double seconds) const;
  int64_t first, total, unitsPerStep, lastTenth = -1;
  std::string unit;
  bool terminal;
  double lastDrawn = -1;
  bool dirty = false;
};

/// "1h02m", "3m05s", "12s".
std::string duration(double seconds);
/// "12.3k", "4.56M".
std::string count(double n);
/// "34.2 MB".
std::string byteCount(double bytes);
/// "1 kernel", "2 kernels".
std::string counted(size_t n, const std::string &noun);

} // namespace weir::tools
