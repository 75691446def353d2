// Where the time of a step goes: a table of kernels, and a trace file for the Perfetto UI.
#pragma once

#include "distributed/session/mesh_trace.h"
#include "tools/weir/train/training_loop.h"

#include <memory>
#include <string>

namespace weir::tools {

/// Kernels by total time: launches, share, GFLOP/s, GB/s, and the user's line of the slowest
/// launch.
std::string profileTable(const runtime::TraceRecorder &recorder, int64_t limit);

/// Of the steps between its two calls, which all processes of a mesh make.
class Profile {
public:
  void start(const Program &program);
  /// Prints the table, of the first device, and what of communication was exposed; writes
  /// FOLDER/trace.json with all devices.
  void finish(const TrainOptions &options);

private:
  runtime::TraceRecorder recorder;
  runtime::Session *session = nullptr; ///< of one device
  std::unique_ptr<distributed::MeshTrace> mesh;
};

} // namespace weir::tools
