// Local SGD: ranks train by themselves and average their parameters every few steps.
#pragma once

#include "runtime/device/collectives/communicator.h"

#include <span>

namespace weir::distributed {

class LocalSgd {
public:
  /// `every` >= 1 steps.
  LocalSgd(runtime::Communicator &comm, runtime::Group group, int64_t every);

  /// After each step of the rank's own optimizer: averages when it is time. The same number of
  /// parameters on every rank.
  absl::Status stepDone(std::span<float> parameters);
  /// Averages now, as at the end of training.
  absl::Status average(std::span<float> parameters);

  int64_t averagings() const { return averaged; }

private:
  runtime::Communicator &comm;
  runtime::Group group;
  int64_t every, steps = 0, averaged = 0;
};

} // namespace weir::distributed
