// A rank of a training run: what the mesh says of its graph, and what all ranks agree on.
#include "tools/weir/train/ranks.h"

#include "distributed/comm/mpi/mpi.h"
#include "distributed/sharding/sharding.h"
#include "frontend/api/gpu.h"
#include "frontend/api/precision.h"
#include "frontend/models/parallel.h"
#include "runtime/device/open/open.h"
#include "tools/weir/gpu_options.h"
#include "tools/weir/rank.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <limits>

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
  models::parallelize(graph, Mesh(train.mesh),
                      {.zero = static_cast<int>(train.zero), .bucketBytes = train.bucketBytes});
}

CompileOptions Ranks::compileOptions() const {
  CompileOptions options{.threads = train.threads,
                         .memoryBudget = train.memoryBudget,
                         .checkNumerics = train.checkNumerics,
                         .device = train.device};
  options.communicator = communicator;
  return options;
}

/// The mesh for `left` ranks: only the axis data shrinks, as the others say how the model is cut.
static std::string meshFor(int left, const std::string &text) {
  distributed::Mesh mesh = check(distributed::parseMesh(text));
  const std::optional<int> data = mesh.find("data");
  if (!data) fail("--on-failure=shrink shrinks the axis data, which --mesh " + text + " lacks");
  int64_t &size = mesh.axes[size_t(*data)].size;
  const int64_t others = mesh.devices() / size;
  size = std::min(size, left / others);
  if (size > 0) return mesh.str();
  fail(std::to_string(left) + (left == 1 ? " rank is" : " ranks are") + " left, but --mesh " +
       text + " needs " + std::to_string(others) + " for data=1");
}

/// "rank 2", "ranks 0, 2".
static std::string named(const std::vector<int> &ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i) text += (i ? ", " : "") + std::to_string(ranks[i]);
  return text;
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
  if (train.mesh.empty() && train.onFailure == "shrink") fail("--on-failure=shrink needs --mesh");
  if (train.mesh.empty() && train.bucketBytes) fail("--bucket-bytes is of a mesh: it needs --mesh");
  if (train.mesh.empty()) refuseStrangers();
  TrainOptions now = train; // of the mesh and the step that ranks are at
  bool saved = false;       // a checkpoint of this run is there
  now.onCheckpoint = [&] { saved = true; };
  auto runAs = [&](const Rank &rank) {
    if (!now.news.empty()) now.resume |= onAnyRank(*rank.communicator, saved);
    Ranks ranks;
    ranks.train = now;
    ranks.train.threads = rank.threads;
    ranks.train.isFirst = rank.isFirst;
    ranks.communicator = rank.communicator;
    if (rank.communicator)
      ranks.train.onAny = [&](bool mine) { return onAnyRank(*rank.communicator, mine); };
    body(ranks);
  };
  if (train.mesh.empty()) return runAs({.threads = train.threads});
  if (train.onFailure == "stop") return asRank(train.threads, train.patience, runAs);
  meshFor(std::numeric_limits<int>::max(), train.mesh);
  asRank(train.threads, train.patience, runAs, [&](const std::vector<int> &died, int left) {
    now.mesh = meshFor(left, train.mesh);
    now.news = named(died) + " died; going on as --mesh " + now.mesh;
    return static_cast<int>(check(distributed::parseMesh(now.mesh)).devices());
  });
}

} // namespace weir::tools
