// A training run on a mesh: its devices are threads of this process or, under mpirun, processes of
// which the first one speaks and writes files.
#pragma once

#include "tools/weir/train/training_loop.h"

#include <functional>

namespace weir::tools {

class Ranks {
public:
  /// Says the precision and, where there is a mesh, the shardings of a model of the zoo, or any
  /// graph's inputs.
  void place(Graph &graph) const;
  CompileOptions compileOptions() const;
  /// Those of this process: under mpirun all but the first write no files.
  const TrainOptions &options() const { return train; }

private:
  friend void onRanks(const TrainOptions &, const std::function<void(const Ranks &)> &);
  TrainOptions train;
  std::shared_ptr<runtime::Communicator> communicator; ///< under mpirun
};

/// Runs `body` on every rank, or here where nobody started several. What it throws on one rank ends
/// it on all; under mpirun it is told here, once for all ranks, and ExitStatus thrown.
void onRanks(const TrainOptions &train, const std::function<void(const Ranks &)> &body);

} // namespace weir::tools
