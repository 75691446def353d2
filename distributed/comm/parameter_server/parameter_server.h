// Training with the parameters on one rank: workers send gradients and get parameters back. Three
// rules say when a worker gets its answer; all run over any communicator.
//
//   synchronous    when all workers have sent this step's gradient; the server adds them in order
//   of
//                  the workers and applies the sum once: one process with the whole batch
//   asynchronous   at once: no worker ever waits for another
//   bounded        when the slowest worker is at most `staleness` steps behind; 0 keeps workers in
//                  step, but applies each gradient by itself, as it comes
#pragma once

#include "runtime/device/collectives/communicator.h"

#include <functional>
#include <span>

namespace weir::distributed {

struct ParameterServerOptions {
  enum Rule : uint8_t { Synchronous, Asynchronous, Bounded } rule = Synchronous;
  int64_t staleness = 0; ///< of Bounded
};

/// Changes the parameters by a gradient; in Synchronous by the sum over the workers.
using ApplyGradient =
    std::function<void(std::span<float> parameters, std::span<const float> gradient)>;

/// What the server saw.
struct ParameterServerReport {
  std::vector<int64_t> steps; ///< of each worker
  int64_t mostAhead = 0;      ///< of one worker before the slowest, when it got its answer
  int64_t applied = 0;        ///< gradients, sums in Synchronous
};

/// The server's part; returns when all workers have finished. The group's first member is the
/// server, the others are workers. Its id is used by nothing else meanwhile.
absl::StatusOr<ParameterServerReport> serveParameters(runtime::Communicator &comm,
                                                      const runtime::Group &group,
                                                      std::span<float> parameters,
                                                      const ApplyGradient &apply,
                                                      const ParameterServerOptions &options = {});

/// A worker's part.
class ParameterWorker {
public:
  ParameterWorker(runtime::Communicator &comm, runtime::Group group);

  /// The parameters at the start. Once, before the first step.
  absl::Status pull(std::span<float> parameters);
  /// Sends a gradient and waits for newer parameters.
  absl::Status step(std::span<const float> gradient, std::span<float> parameters);
  /// No more steps.
  absl::Status finish();

private:
  absl::Status send(int64_t what, std::span<const float> gradient);

  runtime::Communicator &comm;
  runtime::Group group;
};

} // namespace weir::distributed
