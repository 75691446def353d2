// Starting MPI where mpirun started us, and ending it whatever happens.
#include "tools/weir/train/ranks.h"

#include "distributed/comm/mpi/mpi.h"
#include "frontend/api/precision.h"
#include "frontend/models/parallel.h"
#include "runtime/device/cpu/thread_pool.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace weir::tools {

namespace {

/// Nobody wants to read everything once for each rank; what the communicator reports is said.
distributed::CommunicatorOptions silenced(distributed::CommunicatorOptions options) {
  std::FILE *errors = fdopen(dup(STDERR_FILENO), "w");
  if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr) || !errors)
    fail("a rank cannot open /dev/null");
  options.report = [errors](const std::string &text) {
    std::fputs(text.c_str(), errors);
    std::fflush(errors);
  };
  return options;
}

/// A collective of all, since each may have been told to stop after another step.
bool onAnyRank(runtime::Communicator &communicator, bool here) {
  runtime::CollectiveSpec spec{runtime::CollectiveKind::AllReduce,
                               runtime::worldGroup(communicator.size()), runtime::DType::I32,
                               runtime::ReduceOp::Max};
  spec.counts = {1};
  spec.name = "whether to stop";
  const int32_t mine = here;
  int32_t any = 0;
  check(communicator.run(spec, &mine, &any));
  return any != 0;
}

} // namespace

void Ranks::place(Graph &graph) const {
  computeIn(graph, *runtime::parseDType(train.precision));
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

/// Several processes that know nothing of each other would write over each other's files.
static void refuseStrangers() {
  if (!distributed::underMpirun()) return;
  auto world = distributed::MpiWorld::create();
  if (!world.ok() || (*world)->size() == 1) return;
  const std::string ranks = std::to_string((*world)->size());
  fail("there are " + ranks +
       " ranks; --mesh says how they share the work, as in --mesh data=" + ranks);
}

void onRanks(const TrainOptions &train, const std::function<void(const Ranks &)> &body) {
  std::unique_ptr<distributed::MpiWorld> world; // outlives the communicator
  Ranks ranks;
  ranks.train = train;
  if (train.mesh.empty() && train.zero) fail("--zero splits state over a mesh: it needs --mesh");
  if (train.mesh.empty()) refuseStrangers();
  if (train.mesh.empty() || !distributed::underMpirun()) return body(ranks);
  world = check(distributed::MpiWorld::create());
  const std::vector<int> &nodes = world->nodeOfRank();
  const auto here = std::count(nodes.begin(), nodes.end(), nodes[size_t(world->rank())]);
  if (ranks.train.threads == 0)
    ranks.train.threads = std::max(1, runtime::availableCores() / static_cast<int>(here));
  ranks.train.isFirst = world->rank() == 0;
  distributed::CommunicatorOptions options;
  options.failAfter = std::chrono::milliseconds(static_cast<int64_t>(1e3 * train.patience));
  ranks.communicator = world->communicator(ranks.train.isFirst ? options : silenced(options));
  ranks.train.onAny = [&](bool mine) { return onAnyRank(*ranks.communicator, mine); };
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
