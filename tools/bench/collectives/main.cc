// Each collective beside plain MPI's, in one run: batches of the two take turns, a row is the
// median over batches of the slowest rank's time. usage: mpirun -np 2 ... collectives [SECONDS PER
// ROW [COLLECTIVE]]
#include "distributed/comm/mpi/mpi.h"
#include "weir_mpi_config.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#if WEIR_HAVE_MPI
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <functional>

using namespace weir;
using namespace weir::distributed;
using runtime::CollectiveKind;
using runtime::CollectiveSpec;

namespace {

/// Buffers for vectors of `count` floats from or to each rank.
struct Buffers {
  Buffers(int64_t count, int ranks)
      : input(size_t(count) * size_t(ranks), 1.f), output(size_t(count) * size_t(ranks)) {}
  std::vector<float> input, output;
};

CollectiveSpec specOf(CollectiveKind kind, int ranks, int64_t count) {
  CollectiveSpec spec{kind, runtime::worldGroup(ranks)};
  spec.counts = {count};
  switch (kind) {
  case CollectiveKind::AllToAll:
    spec.receiveCounts.assign(size_t(ranks), count);
    [[fallthrough]];
  case CollectiveKind::Scatter:
  case CollectiveKind::Gather:
  case CollectiveKind::AllGather:
  case CollectiveKind::ReduceScatter:
    spec.counts.assign(size_t(ranks), count);
    break;
  case CollectiveKind::Permute:
    for (int rank = 0; rank < ranks; ++rank) spec.pairs.emplace_back(rank, (rank + 1) % ranks);
    break;
  case CollectiveKind::Barrier:
    spec.counts = {};
    break;
  default:
    break;
  }
  return spec;
}

/// The same by MPI itself.
void plain(CollectiveKind kind, int rank, int ranks, int count, Buffers &b) {
  const float *in = b.input.data();
  float *out = b.output.data();
  MPI_Comm all = MPI_COMM_WORLD;
  switch (kind) {
  case CollectiveKind::Broadcast:
    MPI_Bcast(out, count, MPI_FLOAT, 0, all);
    break;
  case CollectiveKind::Scatter:
    MPI_Scatter(in, count, MPI_FLOAT, out, count, MPI_FLOAT, 0, all);
    break;
  case CollectiveKind::Gather:
    MPI_Gather(in, count, MPI_FLOAT, out, count, MPI_FLOAT, 0, all);
    break;
  case CollectiveKind::AllGather:
    MPI_Allgather(in, count, MPI_FLOAT, out, count, MPI_FLOAT, all);
    break;
  case CollectiveKind::Reduce:
    MPI_Reduce(in, out, count, MPI_FLOAT, MPI_SUM, 0, all);
    break;
  case CollectiveKind::ReduceScatter:
    MPI_Reduce_scatter_block(in, out, count, MPI_FLOAT, MPI_SUM, all);
    break;
  case CollectiveKind::AllReduce:
    MPI_Allreduce(in, out, count, MPI_FLOAT, MPI_SUM, all);
    break;
  case CollectiveKind::AllToAll:
    MPI_Alltoall(in, count, MPI_FLOAT, out, count, MPI_FLOAT, all);
    break;
  case CollectiveKind::Permute:
    MPI_Sendrecv(in, count, MPI_FLOAT, (rank + 1) % ranks, 0, out, count, MPI_FLOAT,
                 (rank + ranks - 1) % ranks, 0, all, MPI_STATUS_IGNORE);
    break;
  default:
    MPI_Barrier(all);
  }
}

/// Micros of one call, of the slowest rank, in a batch of `calls`.
double batch(const std::function<void()> &call, int calls) {
  using Clock = std::chrono::steady_clock;
  MPI_Barrier(MPI_COMM_WORLD);
  Clock::time_point begin = Clock::now();
  for (int i = 0; i < calls; ++i) call();
  double own = std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / calls;
  double slowest = 0;
  MPI_Allreduce(&own, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

absl::Status row(ScheduledCommunicator &comm, CollectiveKind kind, int64_t count, double seconds) {
  Buffers buffers(count, comm.size());
  auto prepared = comm.prepare(specOf(kind, comm.size(), count));
  if (!prepared.ok()) return prepared.status();
  absl::Status status;
  bool inPlace = kind == CollectiveKind::Broadcast; // MPI knows no other
  const float *input = inPlace ? buffers.output.data() : buffers.input.data();
  auto call = [&] {
    auto pending = comm.start(*prepared, input, buffers.output.data());
    status = pending.ok() ? comm.wait(*pending) : pending.status();
  };
  auto other = [&] { plain(kind, comm.rank(), comm.size(), int(count), buffers); };
  batch(call, 3);
  double once = std::max(0.2, batch(other, 3));
  int calls = int(std::clamp(200. / once, 1., 200.));
  int batches = int(std::clamp(seconds * 1e6 / (2 * once * calls), 9., 400.));
  std::vector<double> mine, plainTimes;
  for (int i = 0; i < batches && status.ok(); ++i) {
    mine.push_back(batch(call, calls));
    plainTimes.push_back(batch(other, calls));
  }
  if (!status.ok()) return status;
  double a = median(mine), b = median(plainTimes);
  if (comm.rank() == 0)
    std::printf("%-15s %10lld bytes  %-7s %10.2f us  mpi %10.2f us  %+8.2f us  %+6.1f %%\n",
                runtime::collectiveName(kind), static_cast<long long>(4 * count),
                algorithmName(comm.algorithm(*prepared)), a, b, a - b, 100 * (a / b - 1));
  return absl::OkStatus();
}

/// Computing without any memory traffic, cut into `parts` with `between` after each.
void compute(int64_t rounds, int parts, const std::function<void()> &between) {
  volatile float sink = 0;
  for (int part = 0; part < parts; ++part) {
    float x = 1;
    for (int64_t i = 0; i < rounds / parts; ++i) {
      x = x * 0.999f + 0.001f;
      asm volatile("" : "+x"(x)); // one after the other, and all of them
    }
    sink = sink + x;
    between();
  }
}

/// An all-reduce of 16 MiB under way while the rank computes for about as long.
absl::Status overlap(ScheduledCommunicator &comm) {
  int64_t count = 4 << 20;
  Buffers b(count, 1);
  auto prepared = comm.prepare(specOf(CollectiveKind::AllReduce, comm.size(), count));
  if (!prepared.ok()) return prepared.status();
  absl::Status status;
  auto reduce = [&](const std::function<void()> &meanwhile) {
    auto pending = comm.start(*prepared, b.input.data(), b.output.data());
    meanwhile();
    status = pending.ok() ? comm.wait(*pending) : pending.status();
  };
  auto timed = [&](const std::function<void()> &what) {
    std::vector<double> times;
    for (int i = 0; i < 15; ++i) times.push_back(batch(what, 1));
    return median(times);
  };
  double alone = timed([&] { reduce([] {}); });
  int64_t rounds = 1 << 20;
  double once = timed([&] { compute(rounds, 1, [] {}); });
  rounds = int64_t(double(rounds) * alone / once);
  for (int parts : {1, 10, 50, 200}) {
    double computing = timed([&] { compute(rounds, parts, [] {}); });
    double together = timed(
        [&] { reduce([&] { compute(rounds, parts, [&] { comm.progress().IgnoreError(); }); }); });
    if (comm.rank() == 0)
      std::printf(
          "all_reduce of 16 MiB: %.0f us alone, computing %.0f us, together with progress called "
          "%d times %.0f us: %.0f %% of it hidden\n",
          alone, computing, parts, together, 100 * (1 - (together - computing) / alone));
  }
  return status;
}

} // namespace

int main(int argc, char **argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 0.3;
  const std::string only = argc > 2 ? argv[2] : "";
  auto world = MpiWorld::create();
  if (!world.ok()) {
    std::cerr << world.status() << "\n";
    return 1;
  }
  auto comm = (*world)->communicator();
  for (int kind = 0; kind < runtime::kCollectiveKinds; ++kind) {
    auto which = static_cast<CollectiveKind>(kind);
    if (which == CollectiveKind::Send || which == CollectiveKind::Receive) continue;
    if (!only.empty() && only != runtime::collectiveName(which)) continue;
    for (int64_t count : {2, 256, 4096, 16384, 262144, 4194304}) {
      if (which == CollectiveKind::Barrier && count > 2) continue;
      if (absl::Status status = row(*comm, which, count, seconds); !status.ok()) {
        std::cerr << status << "\n";
        return 1;
      }
    }
  }
  if (!only.empty()) return 0;
  if (absl::Status status = overlap(*comm); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}

#else

int main() {
  std::cerr << "weir was built without MPI\n";
  return 1;
}

#endif
