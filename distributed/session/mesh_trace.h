// A trace of all devices of a mesh, in one file, and how much of communication was exposed.
#pragma once

#include "distributed/session/mesh_session.h"
#include "runtime/executor/trace.h"

namespace weir::distributed {

/// Records the runs of a session from its creation to `finish`. Where devices are in several
/// processes, all of these make both calls at the same place.
class MeshTrace {
public:
  /// Not owned. Clocks of devices begin together, after a barrier.
  static absl::StatusOr<std::unique_ptr<MeshTrace>> start(MeshSession &session);
  ~MeshTrace();

  struct Result {
    std::string file;                                 ///< Chrome trace JSON of all devices
    std::vector<runtime::CommunicationTime> ofDevice; ///< of all devices
    /// "exposed communication: 12.3 % of the time of runs (most: 15.0 %, device 3); ..."
    std::string str() const;
  };
  absl::StatusOr<Result> finish();
  /// Of the first device of this process.
  const runtime::TraceRecorder &recorder() const { return *recorders[0]; }

private:
  explicit MeshTrace(MeshSession &session) : session(session) {}

  MeshSession &session;
  std::vector<std::unique_ptr<runtime::TraceRecorder>> recorders; ///< of the devices here
};

} // namespace weir::distributed
