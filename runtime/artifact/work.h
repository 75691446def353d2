// What a run takes, from what the kernels say of themselves: for reports, and to choose between
// executables.
#pragma once

#include "runtime/artifact/executable.h"

namespace weir::runtime {

/// Of one run. A while loop counts as one trip, an if as its dearer branch.
struct Work {
  double flops = 0;
  double bytes = 0; ///< read and written by kernels
  int64_t launches = 0;
  bool hasWhile = false;

  void add(const Work &other, double times);
};

Work workOf(const Executable &executable);

/// Of one run on one core, roughly: good for comparing executables, not for telling the time.
double estimateSeconds(const Executable &executable);

} // namespace weir::runtime
