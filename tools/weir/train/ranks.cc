// Starting MPI where mpirun started us, and ending it whatever happens.
#include "tools/weir/train/ranks.h"

#include "distributed/comm/mpi/mpi.h"
#include "frontend/models/parallel.h"
#include "runtime/device/cpu/thread_pool.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace weir::tools {

namespace {

/// Nobody wants to read everything once for each rank; what the communicator reports is said.
distributed::CommunicatorOptions silenced() {
  std::FILE *errors = fdopen(dup(STDERR_FILENO), "w");
  if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr) || !errors)
    fail("a rank cannot open /dev/null");
  distributed::CommunicatorOptions options;
  options.report = [errors](const std::string &text) {
    std::fputs(text.c_str(), errors);
    std::fflush(errors);
  };
  return options;
}

} // namespace

void Ranks::place(Graph &graph) const {
  if (train.mesh.empty()) return;
  models::parallelize(graph, Mesh(train.mesh), {.zero = static_cast<int>(train.zero)});
}

CompileOptions Ranks::compileOptions() const {
  CompileOptions options{.threads = train.threads,
                         .memoryBudget = train.memoryBudget,
                         .checkNumerics = train.checkNumerics,
                         .device = train.device};
  options.communicator = communicator;
  return options;
}

void onRanks(const TrainOptions &train, const std::function<void(const Ranks &)> &body) {
  Ranks ranks;
  ranks.train = train;
  if (train.mesh.empty() && train.zero) fail("--zero splits state over a mesh: it needs --mesh");
  if (!train.mesh.empty() && train.profile) fail("--profile shows one device; leave out --mesh");
  if (train.mesh.empty() || !distributed::underMpirun()) return body(ranks);
  auto world = check(distributed::MpiWorld::create());
  const std::vector<int> &nodes = world->nodeOfRank();
  const auto here = std::count(nodes.begin(), nodes.end(), nodes[size_t(world->rank())]);
  if (ranks.train.threads == 0)
    ranks.train.threads = std::max(1, runtime::availableCores() / static_cast<int>(here));
  ranks.train.isFirst = world->rank() == 0;
  ranks.communicator =
      world->communicator(ranks.train.isFirst ? distributed::CommunicatorOptions{} : silenced());
  try {
    body(ranks);
  } catch (const std::exception &error) {
    ranks.communicator->abort(absl::AbortedError(error.what()));
    throw;
  } catch (...) {
    ranks.communicator->abort(absl::AbortedError("a rank was interrupted"));
    throw;
  }
}

} // namespace weir::tools
