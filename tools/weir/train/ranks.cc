// Starting MPI where mpirun started us, and ending it whatever happens.
#include "tools/weir/train/ranks.h"

#include "distributed/comm/mpi/mpi.h"
#include "frontend/api/gpu.h"
#include "frontend/api/precision.h"
#include "frontend/models/parallel.h"
#include "runtime/device/cpu/thread_pool.h"
#include "runtime/device/open/open.h"
#include "tools/values/told.h"
#include "tools/weir/commands.h"
#include "tools/weir/gpu_options.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace weir::tools {

namespace {

/// Nobody wants to read everything once for each rank. What standard error was, for what only this
/// rank can say.
std::FILE *silence() {
  std::FILE *errors = fdopen(dup(STDERR_FILENO), "w");
  if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr) || !errors)
    fail("a rank cannot open /dev/null");
  std::setvbuf(errors, nullptr, _IONBF, 0);
  return errors;
}

/// How the body of a rank ended.
struct Outcome {
  int status = 0;
  std::string words; ///< what went wrong, as others may repeat it: without "weir: error: "
};

/// Tells what goes wrong; where this rank is silenced nobody reads that.
Outcome outcomeOf(const std::function<void()> &body) {
  const std::string prefix = "weir: error: ";
  try {
    body();
    return {};
  } catch (const ExitStatus &exit) {
    return {exit.status, "interrupted"};
  } catch (...) {
    const std::string told = toldException("weir");
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", told.c_str());
    return {1, told.starts_with(prefix) ? told.substr(prefix.size()) : told};
  }
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
  if (train.precision == "tf32" && runtime::isCpu(train.device)) refuseTf32();
  allowTf32(graph, train.precision == "tf32");
  computeIn(graph, runtime::parseDType(train.precision).value_or(f32));
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
  std::FILE *errors = ranks.train.isFirst ? stderr : silence();
  distributed::CommunicatorOptions options;
  options.failAfter = std::chrono::milliseconds(static_cast<int64_t>(1e3 * train.patience));
  options.report = [errors](const std::string &text) { std::fputs(text.c_str(), errors); };
  ranks.communicator = world->communicator(options);
  ranks.train.onAny = [&](bool mine) { return onAnyRank(*ranks.communicator, mine); };
  const Outcome outcome = outcomeOf([&] { body(ranks); });
  const std::string who = ranks.train.isFirst ? "" : "rank " + std::to_string(world->rank()) + ": ";
  if (outcome.status) ranks.communicator->abort(absl::AbortedError(who + outcome.words));
  ranks.communicator.reset();
  world->leave(outcome.words, [errors](const std::string &text) {
    std::fprintf(errors, "weir: error: %s\n", text.c_str());
  });
  if (outcome.status) throw ExitStatus{outcome.status};
}

} // namespace weir::tools
