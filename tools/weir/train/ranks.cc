// A rank of a training run: what the mesh says of its graph, and what all ranks agree on.
#include "tools/weir/train/ranks.h"

#include "distributed/comm/mpi/mpi.h"
#include "frontend/api/gpu.h"
#include "frontend/api/precision.h"
#include "frontend/models/parallel.h"
#include "runtime/device/open/open.h"
#include "tools/weir/gpu_options.h"
#include "tools/weir/rank.h"
#include "tools/weir/status.h"

namespace weir::tools {

namespace {

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
  if (train.mesh.empty() && train.zero) fail("--zero splits state over a mesh: it needs --mesh");
  if (train.mesh.empty()) refuseStrangers();
  auto runAs = [&](const Rank &rank) {
    Ranks ranks;
    ranks.train = train;
    ranks.train.threads = rank.threads;
    ranks.train.isFirst = rank.isFirst;
    ranks.communicator = rank.communicator;
    if (rank.communicator)
      ranks.train.onAny = [&](bool mine) { return onAnyRank(*rank.communicator, mine); };
    body(ranks);
  };
  if (train.mesh.empty()) return runAs({.threads = train.threads});
  asRank(train.threads, train.patience, runAs);
}

} // namespace weir::tools
