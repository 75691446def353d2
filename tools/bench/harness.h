// Timing of one row: warm-up, repetitions until steady, median, noise of other processes; one JSON
// line out. The keys are those of the peers' programs, so that both can be tabulated together.
#pragma once

#include <functional>
#include <string>

namespace weir::bench {

struct Settings {
  int threads = 0;         ///< 0: all cores
  double minSeconds = 1.5; ///< of steady repetitions
  bool json = false;       ///< JSON lines only
  std::string dumpTo;      ///< folder for the compiler's levels; "" for none
};

/// What is known of a row besides its time.
struct Work {
  double flops = 0, bytes = 0;
  double compileMs = 0;     ///< from a built graph to a program that can run
  double firstResultMs = 0; ///< and to the end of its first run
};

struct Measurement {
  std::string workload, framework = "weir";
  int threads = 1;
  double medianMs = 0, minMs = 0, p90Ms = 0;
  int64_t repetitions = 0;
  double otherCpu = 0; ///< share of the machine that other processes used; distrust 0.06 and more
  Work work;
};

/// Times `run`, one blocking call each; a call may stand for `scale` repetitions of the work.
Measurement measure(const std::string &workload, const Settings &settings, Work work,
                    const std::function<void()> &run, double scale = 1);

/// Prints a measurement: a JSON line, or a line to read with the share of `peakFlops` when that is
/// known (not 0).
void report(const Measurement &m, const Settings &settings, double peakFlops);

} // namespace weir::bench
