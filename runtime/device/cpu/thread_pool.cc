//===- thread_pool.cc - fork-join over a kernel's tasks -------------------===//
// A call fills all lanes, then opens them. A worker takes its lane by compare-and-swap, or the
// caller revokes it; the caller waits for those taken. So a lane is written only when no thread can
// be reading it.
//===----------------------------------------------------------------------===//
#include "runtime/device/cpu/thread_pool.h"

#include "runtime/device/cpu/float_environment.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weir::runtime {

namespace {

using Clock = std::chrono::steady_clock;

// How long a worker spins before it sleeps. A wake-up costs 25 to 50 us, so waiting longer than
// that between runs only burns power; inside a run the next parallel kernel is usually near.
constexpr auto kSpinBetweenRuns = std::chrono::microseconds(50);
constexpr auto kSpinInsideRun = std::chrono::milliseconds(2);
constexpr int kPausesBeforeYield = 20000; // of a caller whose workers are at work
constexpr int kPausesPerLook = 64;        // spins between two looks at the clock

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Cores' worth of CPU time that the control group grants, or INT_MAX.
int quotaCores() {
  std::FILE *file = std::fopen("/sys/fs/cgroup/cpu.max", "r");
  if (!file) return INT_MAX;
  long quota = 0, period = 0;
  int fields = std::fscanf(file, "%ld %ld", &quota, &period); // "max" reads as no field
  std::fclose(file);
  if (fields != 2 || quota <= 0 || period <= 0) return INT_MAX;
  return static_cast<int>(std::max(1L, (quota + period / 2) / period));
}

} // namespace

int availableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0
                  ? CPU_COUNT(&set)
                  : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, std::min({cores, quotaCores()}));
}

const std::shared_ptr<ThreadPool> &ThreadPool::shared() {
  static const std::shared_ptr<ThreadPool> pool = [] {
    const char *wanted = std::getenv("WEIR_THREADS");
    int threads = wanted ? std::atoi(wanted) : 0;
    return std::make_shared<ThreadPool>(threads > 0 ? threads : availableCores());
  }();
  return pool;
}

ThreadPool::ThreadPool(int threads) : lanes(std::clamp(threads, 1, availableCores())) {
  for (int thread = 1; thread < size(); ++thread) {
    try {
      workers.emplace_back([this, thread] { workerLoop(thread); });
    } catch (const std::system_error &) {
      break; // the system grants no more threads: the others take the tasks
    }
  }
}

ThreadPool::~ThreadPool() {
  stopping.store(true, std::memory_order_relaxed);
  wakeSleepers(size());
  for (std::thread &worker : workers) worker.join();
}

ThreadPool::Attention::Attention(ThreadPool &pool) : pool(pool) {
  pool.attention.fetch_add(1, std::memory_order_relaxed);
  pool.wakeSleepers(pool.size());
}

void ThreadPool::parallelFor(int64_t tasks, Split split, Body body, void *context) {
  int width = static_cast<int>(std::min<int64_t>({split.width, size(), tasks}));
  if (width <= 1 || busy.exchange(true, std::memory_order_acquire)) {
    if (tasks > 0) body(context, 0, tasks, 0);
    return;
  }
  int64_t grain = std::max<int64_t>(1, split.grain), begin = 0;
  for (int i = 0; i < width; ++i) {
    int64_t count = tasks / width + (i < tasks % width);
    Lane &lane = lanes[i];
    lane.width = width;
    lane.next.store(begin, std::memory_order_relaxed);
    lane.end = begin += count;
    lane.grain = grain;
    lane.divisible = grain < count;
    lane.body = body;
    lane.context = context;
  }
  for (int i = 1; i < width; ++i) lanes[i].phase.store(Open, std::memory_order_release);
  wakeSleepers(width);

  runShare(lanes[0], 0);
  for (int i = 1; i < width; ++i) {
    uint32_t phase = lanes[i].phase.load(std::memory_order_acquire);
    bool revoked = phase == Open && lanes[i].phase.compare_exchange_strong(
                                        phase, Revoked, std::memory_order_acq_rel);
    if (revoked || lanes[i].divisible) runShare(lanes[i], 0);
  }
  for (int i = 1; i < width; ++i)
    for (int spins = 0; lanes[i].phase.load(std::memory_order_acquire) == Taken;) {
      if (++spins < kPausesBeforeYield)
        pause();
      else
        sched_yield(); // the worker may have lost its core
    }
  busy.store(false, std::memory_order_release);
}

void ThreadPool::runShare(Lane &lane, int thread) {
  if (!lane.divisible) {
    lane.body(lane.context, lane.next.load(std::memory_order_relaxed), lane.end, thread);
    return;
  }
  while (lane.next.load(std::memory_order_relaxed) < lane.end) {
    int64_t begin = lane.next.fetch_add(lane.grain, std::memory_order_relaxed);
    if (begin < lane.end)
      lane.body(lane.context, begin, std::min(begin + lane.grain, lane.end), thread);
  }
}

void ThreadPool::helpOthers(const Lane &own, int thread) {
  for (int i = 1; i < own.width; ++i) {
    Lane &lane = lanes[(thread + i) % own.width];
    if (lane.divisible) runShare(lane, thread);
  }
}

void ThreadPool::workerLoop(int thread) {
  resetFloatEnvironment();
  Lane &lane = lanes[thread];
  while (true) {
    awaitJob(lane);
    if (stopping.load(std::memory_order_relaxed)) return;
    uint32_t open = Open;
    if (!lane.phase.compare_exchange_strong(open, Taken, std::memory_order_acquire)) continue;
    runShare(lane, thread);
    if (lane.divisible) helpOthers(lane, thread);
    lane.phase.store(Idle, std::memory_order_release);
  }
}

/// Returns when the lane is open, or was a moment ago, or the pool stops.
void ThreadPool::awaitJob(Lane &lane) {
  Clock::time_point start = Clock::now();
  while (true) {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (lane.phase.load(std::memory_order_relaxed) == Open) return;
      pause();
    }
    if (stopping.load(std::memory_order_relaxed)) return;
    bool inside = attention.load(std::memory_order_relaxed) > 0;
    auto limit = inside ? Clock::duration(kSpinInsideRun) : Clock::duration(kSpinBetweenRuns);
    if (Clock::now() - start < limit) continue;
    sleepUnlessOpen(lane);
    start = Clock::now();
  }
}

void ThreadPool::sleepUnlessOpen(Lane &lane) {
  lane.asleep.store(1, std::memory_order_relaxed);
  sleepers.fetch_add(1, std::memory_order_acq_rel);
  if (lane.phase.load(std::memory_order_relaxed) != Open &&
      !stopping.load(std::memory_order_relaxed))
    syscall(SYS_futex, &lane.asleep, FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0);
  lane.asleep.store(0, std::memory_order_relaxed);
  sleepers.fetch_sub(1, std::memory_order_relaxed);
}

/// Wakes those who sleep among the first `width` threads.
void ThreadPool::wakeSleepers(int width) {
  // A read-modify-write, so that either this sees a sleeper or the sleeper sees what was written
  // before.
  if (sleepers.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  for (int i = 1; i < width; ++i)
    if (lanes[i].asleep.exchange(0, std::memory_order_relaxed))
      syscall(SYS_futex, &lanes[i].asleep, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

} // namespace weir::runtime
