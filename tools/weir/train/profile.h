// Where the time of a step goes: a table of kernels, and a trace file for the Perfetto UI.
#pragma once

#include "runtime/executor/trace.h"

#include <string>

namespace weir::tools {

/// Kernels by total time: launches, share, GFLOP/s, GB/s, and the user's line of the slowest
/// launch.
std::string profileTable(const runtime::TraceRecorder &recorder, int64_t limit);

} // namespace weir::tools
