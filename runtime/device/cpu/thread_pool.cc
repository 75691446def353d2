//===- thread_pool.cc - fork-join over a kernel's tasks -------------------===//
// See the header for the protocol. Ordering: a call's job is published by the store to `state` and
// read after joining; its effects are published by `done` and read by the caller.
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
constexpr int kPausesPerLook = 64; // spins between two looks at the clock

constexpr uint64_t kOpen = uint64_t(1) << 15;
constexpr uint64_t kJoined = kOpen - 1;
constexpr uint64_t callOf(uint64_t state) {
  return state >> 32;
}
constexpr uint64_t widthOf(uint64_t state) {
  return (state >> 16) & 0xffff;
}

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
  return std::max(1, std::min({cores, quotaCores(), int(kJoined)}));
}

const std::shared_ptr<ThreadPool> &ThreadPool::shared() {
  static const std::shared_ptr<ThreadPool> pool = [] {
    const char *wanted = std::getenv("WEIR_THREADS");
    int threads = wanted ? std::atoi(wanted) : 0;
    return std::make_shared<ThreadPool>(threads > 0 ? threads : availableCores());
  }();
  return pool;
}

ThreadPool::ThreadPool(int threads) : shares(std::clamp(threads, 1, availableCores())) {
  for (int thread = 1; thread < size(); ++thread) {
    try {
      workers.emplace_back([this, thread] { workerLoop(thread); });
    } catch (const std::system_error &) {
      break; // the system grants no more threads: the others take the tasks
    }
  }
}

ThreadPool::~ThreadPool() {
  stopping.store(true, std::memory_order_seq_cst);
  wakeSleepers();
  for (std::thread &worker : workers) worker.join();
}

ThreadPool::Attention::Attention(ThreadPool &pool) : pool(pool) {
  pool.attention.fetch_add(1, std::memory_order_relaxed);
  if (pool.sleepers.load(std::memory_order_relaxed) > 0) pool.wakeSleepers();
}

void ThreadPool::parallelFor(int64_t tasks, Split split, Body body, void *context) {
  int width = static_cast<int>(std::min<int64_t>({split.width, size(), tasks}));
  if (width <= 1 || busy.exchange(true, std::memory_order_acquire)) {
    if (tasks > 0) body(context, 0, tasks, 0);
    return;
  }
  job = {body, context, std::max<int64_t>(1, split.grain), width};
  for (int i = 0; i < width; ++i) {
    // tasks * i / width without overflow.
    auto cut = [&](int64_t i) { return tasks / width * i + std::min(i, tasks % width); };
    shares[i].next.store(cut(i), std::memory_order_relaxed);
    shares[i].end = cut(i + 1);
  }
  uint64_t call = callOf(state.load(std::memory_order_relaxed)) + 1;
  state.store(call << 32 | uint64_t(width) << 16 | kOpen, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) > 0) wakeSleepers();
  work(0);

  uint64_t joined = state.fetch_and(~kOpen, std::memory_order_acq_rel) & kJoined;
  for (int spins = 0; done.load(std::memory_order_acquire) != joined;) {
    if (++spins < 20000)
      pause();
    else
      sched_yield(); // a worker lost its core
  }
  done.store(0, std::memory_order_relaxed);
  busy.store(false, std::memory_order_release);
}

void ThreadPool::work(int thread) {
  const Job current = job;
  for (int offset = 0; offset < current.width; ++offset) {
    Share &share = shares[(thread + offset) % current.width];
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      int64_t begin = share.next.fetch_add(current.grain, std::memory_order_relaxed);
      if (begin >= share.end) break;
      current.body(current.context, begin, std::min(begin + current.grain, share.end), thread);
    }
  }
}

void ThreadPool::workerLoop(int thread) {
  resetFloatEnvironment();
  uint64_t seen = 0; // last call that this worker took part in or passed over
  while (true) {
    uint64_t now = awaitJob(seen);
    if (stopping.load(std::memory_order_relaxed)) return;
    if (widthOf(now) <= uint64_t(thread) || !(now & kOpen)) {
      seen = callOf(now);
      continue;
    }
    if (!state.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) continue;
    seen = callOf(now);
    work(thread);
    done.fetch_add(1, std::memory_order_release);
  }
}

/// Returns a state whose call is not `seen`, or anything when the pool stops.
uint64_t ThreadPool::awaitJob(uint64_t seen) {
  Clock::time_point start = Clock::now();
  while (true) {
    for (int i = 0; i < kPausesPerLook; ++i) {
      uint64_t now = state.load(std::memory_order_acquire);
      if (callOf(now) != seen) return now;
      pause();
    }
    if (stopping.load(std::memory_order_relaxed)) return 0;
    bool inside = attention.load(std::memory_order_relaxed) > 0;
    auto limit = inside ? Clock::duration(kSpinInsideRun) : Clock::duration(kSpinBetweenRuns);
    if (Clock::now() - start < limit) continue;
    sleepUnlessChanged(seen);
    start = Clock::now();
  }
}

void ThreadPool::sleepUnlessChanged(uint64_t seen) {
  uint32_t ticket = wakeups.load(std::memory_order_seq_cst);
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  // Either this sees the new call, or the caller sees the sleeper and moves `wakeups` on.
  if (callOf(state.load(std::memory_order_seq_cst)) == seen &&
      !stopping.load(std::memory_order_seq_cst))
    syscall(SYS_futex, reinterpret_cast<uint32_t *>(&wakeups), FUTEX_WAIT_PRIVATE, ticket, nullptr,
            nullptr, 0);
  sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

void ThreadPool::wakeSleepers() {
  wakeups.fetch_add(1, std::memory_order_seq_cst);
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&wakeups), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr,
          nullptr, 0);
}

} // namespace weir::runtime
