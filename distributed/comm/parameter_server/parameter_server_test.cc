// Least squares by several ranks: the synchronous server is one process, a slow worker holds nobody
// up where it must not, and a bound is kept.
#include "distributed/comm/parameter_server/parameter_server.h"

#include "distributed/comm/in_process.h"
#include "distributed/comm/parameter_server/local_sgd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

namespace weir::distributed {
namespace {

using runtime::Communicator;
using runtime::worldGroup;

constexpr size_t kSize = 7;
using Vector = std::vector<float>;

/// Gradient of sum_i (w_i - target_i)^2 over a worker's own targets.
Vector gradientOf(const Vector &w, int worker) {
  Vector gradient(kSize);
  for (size_t i = 0; i < kSize; ++i)
    gradient[i] = 2 * (w[i] - float(i + 1) * 0.37f - 0.1f * float(worker));
  return gradient;
}
void descend(std::span<float> w, std::span<const float> gradient) {
  for (size_t i = 0; i < w.size(); ++i) w[i] -= 0.05f * gradient[i];
}
/// Where the mean of the workers' targets is.
float best(size_t i, int workers) {
  return float(i + 1) * 0.37f + 0.1f * float(workers + 1) / 2;
}

struct Outcome {
  ParameterServerReport report;
  Vector parameters = Vector(kSize);
};

/// `steps[w]` steps of worker w+1; `before` runs before each of them.
Outcome train(const ParameterServerOptions &options, std::vector<int> steps,
              const std::function<void(int worker, int step)> &before) {
  Outcome outcome;
  int ranks = int(steps.size()) + 1;
  auto statuses = runInProcess(ranks, {}, [&](Communicator &comm) -> absl::Status {
    if (comm.rank() == 0) {
      auto report = serveParameters(comm, worldGroup(ranks), outcome.parameters, descend, options);
      if (!report.ok()) return report.status();
      outcome.report = *report;
      return absl::OkStatus();
    }
    ParameterWorker worker(comm, worldGroup(ranks));
    Vector w(kSize);
    absl::Status status = worker.pull(w);
    for (int step = 0; status.ok() && step < steps[size_t(comm.rank() - 1)]; ++step) {
      before(comm.rank(), step);
      status = worker.step(gradientOf(w, comm.rank()), w);
    }
    return status.ok() ? worker.finish() : status;
  });
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
  return outcome;
}

// features: C1
TEST(Synchronous, EqualsOneProcessBitForBitWhateverTheTiming) {
  Vector single(kSize);
  for (int step = 0; step < 40; ++step) {
    Vector sum(kSize);
    for (int worker = 1; worker <= 3; ++worker)
      for (size_t i = 0; i < kSize; ++i) sum[i] += gradientOf(single, worker)[i];
    descend(single, sum);
  }
  for (unsigned seed = 0; seed < 3; ++seed) {
    Outcome outcome = train({}, {40, 40, 40}, [&](int worker, int step) {
      std::this_thread::sleep_for(
          std::chrono::microseconds((worker * 131 + step * 17) * (seed + 1) % 300));
    });
    EXPECT_EQ(outcome.parameters, single);
    EXPECT_EQ(outcome.report.applied, 40);
    EXPECT_EQ(outcome.report.mostAhead, 0);
  }
}

TEST(Synchronous, GoesOnWithoutWorkersThatHaveFinished) {
  Outcome outcome = train({}, {30, 10, 20}, [](int, int) {});
  EXPECT_EQ(outcome.report.steps, (std::vector<int64_t>{30, 10, 20}));
  EXPECT_EQ(outcome.report.applied, 30);
}

// features: C1
TEST(Asynchronous, AWorkerThatStandsStillHoldsNobodyUp) {
  std::atomic<int> finished{0};
  ParameterServerOptions options{ParameterServerOptions::Asynchronous};
  Outcome outcome = train(options, {200, 1, 200}, [&](int worker, int step) {
    // Worker 2 makes its only step after the others have made all of theirs.
    while (worker == 2 && finished < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (worker != 2 && step == 199) ++finished;
  });
  EXPECT_EQ(outcome.report.applied, 401);
  EXPECT_GE(outcome.report.mostAhead, 199);
}

TEST(Asynchronous, ComesToTheSolution) {
  Outcome outcome = train({ParameterServerOptions::Asynchronous}, {150, 150, 150},
                          [](int, int) { std::this_thread::yield(); });
  // With any order of gradients the parameters stay among the workers' own solutions.
  for (size_t i = 0; i < kSize; ++i) EXPECT_NEAR(outcome.parameters[i], best(i, 3), 0.11f);
}

// features: C1
TEST(Bounded, NoWorkerGetsFurtherAheadThanTheBound) {
  for (int64_t staleness : {0, 2}) {
    ParameterServerOptions options{ParameterServerOptions::Bounded, staleness};
    std::array<std::atomic<int>, 4> at{};
    std::atomic<int64_t> widest{0};
    Outcome outcome = train(options, {40, 40, 40}, [&](int worker, int step) {
      if (worker == 2) std::this_thread::sleep_for(std::chrono::microseconds(400));
      at[size_t(worker)] = step;
      int64_t ahead = step - std::min({at[1].load(), at[2].load(), at[3].load()});
      if (ahead > widest) widest = ahead;
    });
    EXPECT_LE(outcome.report.mostAhead, staleness);
    // A worker that got its answer begins one more step.
    EXPECT_LE(widest, staleness + 1);
    EXPECT_EQ(outcome.report.applied, 120);
  }
}

// features: P2
TEST(LocalSgd, AveragesEveryFewStepsAndConverges) {
  for (int64_t every : {1, 5}) {
    std::vector<Vector> results(3);
    auto statuses = runInProcess(3, {}, [&](Communicator &comm) {
      LocalSgd sgd(comm, worldGroup(3), every);
      Vector w(kSize);
      absl::Status status;
      for (int step = 0; step < 100 && status.ok(); ++step) {
        descend(w, gradientOf(w, comm.rank() + 1));
        status = sgd.stepDone(w);
      }
      EXPECT_EQ(sgd.averagings(), 100 / every);
      results[size_t(comm.rank())] = w;
      return status;
    });
    for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
    for (size_t i = 0; i < kSize; ++i) EXPECT_NEAR(results[0][i], best(i, 3), 1e-3f);
  }
}

} // namespace
} // namespace weir::distributed
