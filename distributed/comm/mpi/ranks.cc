// One rank of the tests under mpirun. usage: ranks WHAT [ALGORITHM]
//   none         nothing: does MPI work?
//   conformance  the suite of every communicator, with one algorithm where it can
//   bytes        an all-reduce of 4 MiB by one algorithm: bytes of all ranks between nodes
//   server RULE  least squares with the parameters on rank 0
//   hang         the last rank never comes: the others name it and give up
//   shape        ranks disagree on a shape
//   leave        the last rank fails outside of collectives
//   words WHO    something goes wrong on all, on the last or, where rank 0 is busy, on the last
//   survive      three ranks all-reduce, the others stand by; who dies is replaced, until two are
//   left wait         ranks all-reduce for ever and say their process ids: somebody is to kill one
#include "distributed/comm/mpi/mpi.h"
#include "distributed/comm/parameter_server/parameter_server.h"
#include "runtime/device/collectives/conformance.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <unistd.h>

using namespace weir;
using namespace weir::distributed;
using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::Communicator;

static absl::Status conformance(Communicator &comm) {
  for (auto check : {+[](Communicator &c) { return runtime::checkEveryCollective(c); },
                     runtime::checkLongVectors, runtime::checkOverlappingGroups,
                     runtime::checkManyUnderWay, runtime::checkRefusals})
    if (absl::Status status = check(comm); !status.ok()) return status;
  return absl::OkStatus();
}

static absl::Status allReduce(Communicator &comm, int64_t count) {
  std::vector<float> data(static_cast<size_t>(count));
  CollectiveSpec spec{CollectiveKind::AllReduce, runtime::worldGroup(comm.size())};
  spec.counts = {count};
  spec.name = "grads";
  spec.source = "train.cc:12";
  return comm.run(spec, data.data(), data.data());
}

/// Rank 0 keeps the parameters; everybody else pulls them towards 1, 2, 3, ...
static absl::Status server(Communicator &comm, const std::string &rule) {
  using Options = ParameterServerOptions;
  Options options{rule == "asynchronous" ? Options::Asynchronous
                  : rule == "bounded"    ? Options::Bounded
                                         : Options::Synchronous,
                  2};
  runtime::Group group = runtime::worldGroup(comm.size());
  std::vector<float> w(100), gradient(100);
  if (comm.rank() == 0) {
    auto report = serveParameters(
        comm, group, w,
        [](std::span<float> w, std::span<const float> gradient) {
          for (size_t i = 0; i < w.size(); ++i) w[i] -= 0.05f * gradient[i];
        },
        options);
    if (!report.ok()) return report.status();
    bool good = std::fabs(w[7] - 8) < 1e-2 &&
                report->applied == (rule == "synchronous" ? 60 : 60 * (comm.size() - 1)) &&
                (rule != "bounded" || report->mostAhead <= 2);
    return good ? absl::OkStatus() : absl::InternalError("the server did not come to the solution");
  }
  ParameterWorker worker(comm, group);
  absl::Status status = worker.pull(w);
  for (int step = 0; step < 60 && status.ok(); ++step) {
    for (size_t i = 0; i < w.size(); ++i) gradient[i] = 2 * (w[i] - float(i + 1));
    status = worker.step(gradient, w);
  }
  return status.ok() ? worker.finish() : status;
}

/// Bytes that all ranks have sent to other nodes, at rank 0.
static absl::Status report(Communicator &comm, const std::string &algorithm) {
  int64_t before = comm.traffic().of(CollectiveKind::AllReduce, runtime::Traffic::Inter).bytes;
  if (absl::Status status = allReduce(comm, 1 << 20); !status.ok()) return status;
  int64_t sent =
      comm.traffic().of(CollectiveKind::AllReduce, runtime::Traffic::Inter).bytes - before;
  CollectiveSpec spec{CollectiveKind::Reduce, runtime::worldGroup(comm.size()),
                      runtime::DType::I64};
  spec.counts = {1};
  int64_t all = 0;
  absl::Status status = comm.run(spec, &sent, &all);
  if (comm.rank() == 0)
    std::cout << "all_reduce " << algorithm << ": " << all << " bytes between nodes" << std::endl;
  return status;
}

static absl::Status act(const std::string &what, const std::string &how, Communicator &comm) {
  bool last = comm.rank() + 1 == comm.size();
  if (what == "hang") {
    if (last) std::this_thread::sleep_for(std::chrono::seconds(60));
    return allReduce(comm, 4);
  }
  if (what == "shape") return allReduce(comm, last ? 100 : 50);
  if (what == "none") return absl::OkStatus();
  if (what == "server") return server(comm, how);
  if (what == "leave") return last ? absl::DataLossError("the disk is gone") : allReduce(comm, 4);
  if (what == "wait") {
    std::printf("pid %d\n", int(getpid()));
    std::fflush(stdout);
    while (true)
      if (absl::Status status = allReduce(comm, 100'000); !status.ok()) return status;
  }
  return what == "bytes" ? report(comm, how) : conformance(comm);
}

/// Leaves with words; what is told takes rank 0 long, and the others end at once.
static int leave(MpiWorld &world, const std::string &who) {
  const bool isFirst = world.rank() == 0, isLast = world.rank() + 1 == world.size();
  const auto tell = [&](const std::string &text) {
    if (isFirst) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::cerr << "told: " << text << std::endl;
  };
  const bool isWrong = who == "all" || isLast;
  const std::string words = isWrong ? "the disk is gone" : "";
  if (isWrong) world.communicator()->abort(absl::DataLossError(words));
  if (isWrong && isFirst) tell(words);
  if (who == "busy" && isFirst) std::this_thread::sleep_for(std::chrono::seconds(60));
  world.leave(words, tell);
  std::_Exit(isWrong);
}

/// All-reduces until somebody dies, or `rounds` times.
static absl::Status reduceOnes(Communicator &comm, int64_t rounds) {
  for (int64_t round = 0; round < rounds; ++round) {
    std::vector<float> data(100'000, 1);
    CollectiveSpec spec{CollectiveKind::AllReduce, runtime::worldGroup(comm.size())};
    spec.counts = {int64_t(data.size())};
    if (absl::Status status = comm.run(spec, data.data(), data.data()); !status.ok()) return status;
    for (float value : data)
      if (value != float(comm.size())) return absl::DataLossError("a wrong sum");
  }
  return absl::OkStatus();
}

static int survive(MpiWorld &world) {
  absl::Status status = world.canShrink();
  std::printf("rank %d pid %d\n", world.rank(), int(getpid()));
  std::fflush(stdout);
  while (status.ok()) {
    const int active = std::min(3, world.size());
    auto comm = world.communicator({}, active);
    if (world.rank() >= active)
      world.standBy();
    else
      status = reduceOnes(*comm, active == 2 ? 100 : int64_t(1) << 60);
    if (!world.hasLost()) break;
    const absl::StatusOr<std::vector<int>> lost = world.shrink();
    status = lost.status();
    if (lost.ok() && world.rank() == 0)
      std::cout << "rank " << lost->front() << " died, " << world.size() << " go on" << std::endl;
  }
  if (!status.ok()) std::cerr << status << std::endl;
  if (status.ok() && world.rank() == 0) std::cout << "ok " << world.size() << " ranks" << std::endl;
  return !status.ok();
}

static CommunicatorOptions optionsOf(const std::string &what, const std::string &algorithm) {
  CommunicatorOptions options;
  if (what == "hang") options.reportAfter = options.failAfter = std::chrono::milliseconds(500);
  for (int a = 0; a < kAlgorithms; ++a)
    if (algorithm == algorithmName(Algorithm(a)))
      options.choose = [a](const CollectiveSpec &spec, const Topology &topology) {
        return supports(Algorithm(a), spec.kind, topology) ? Algorithm(a) : Algorithm::Direct;
      };
  return options;
}

int main(int argc, char **argv) {
  std::string what = argc > 1 ? argv[1] : "", how = argc > 2 ? argv[2] : "direct";
  auto world = MpiWorld::create();
  if (!world.ok()) {
    std::cerr << world.status() << "\n";
    return 77;
  }
  if (what == "words") return leave(**world, how);
  if (what == "survive") return survive(**world);
  absl::Status status;
  {
    auto comm = (*world)->communicator(optionsOf(what, how));
    status = act(what, how, *comm);
    if (!status.ok()) comm->abort(status);
  }
  const std::vector<int> &nodes = (*world)->nodeOfRank();
  if (!status.ok())
    std::cerr << "rank " << (*world)->rank() << ": " << status << std::endl;
  else if ((*world)->rank() == 0)
    std::cout << "ok " << (*world)->size() << " ranks on "
              << *std::max_element(nodes.begin(), nodes.end()) + 1 << " nodes" << std::endl;
  return status.ok() ? 0 : 1;
}
