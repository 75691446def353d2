//===- thread_pool.h - fork-join over a kernel's tasks ----------*- C++ -*-===//
// A kernel lasts microseconds, so threads wait for the next one by spinning, each on a cache line
// of its own that also brings the job; they sleep when nothing came for a bounded time. A thread
// starts with its own share of the tasks (the same share each time, for its cache's sake) and then
// takes from the others. The caller takes back the share of a thread that has not begun: a sleeping
// or preempted thread costs its help, not its latency.
//===----------------------------------------------------------------------===//
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace weir::runtime {

/// Cores that this process may use: its affinity mask and its control group's quota.
int availableCores();

/// How a call is cut up: at most `width` threads take part, `grain` tasks are taken at a time.
struct Split {
  int32_t width = 1;
  int64_t grain = 1;
};

class ThreadPool {
public:
  /// Threads including the caller's: at least 1, at most availableCores().
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// The process's pool: WEIR_THREADS threads, or one for each available core.
  static const std::shared_ptr<ThreadPool> &shared();

  int size() const { return static_cast<int>(lanes.size()); }

  /// Called with a range of tasks and the number of the calling thread, 0 <= thread < size().
  using Body = void (*)(void *context, int64_t begin, int64_t end, int thread);

  /// Runs `body` over [0, tasks), each task once, and returns when all are done. Thread 0 is the
  /// caller. A caller that finds the pool busy with another caller's tasks runs its own alone.
  void parallelFor(int64_t tasks, Split split, Body body, void *context);

  /// While one exists, workers wait for the next call longer before they sleep.
  class Attention {
  public:
    explicit Attention(ThreadPool &pool);
    ~Attention() { pool.attention.fetch_sub(1, std::memory_order_relaxed); }
    Attention(const Attention &) = delete;
    Attention &operator=(const Attention &) = delete;

  private:
    ThreadPool &pool;
  };

private:
  enum Phase : uint32_t { Idle, Open, Taken, Revoked };
  struct alignas(64) Lane {
    std::atomic<uint32_t> phase{Idle};
    int32_t width = 1;
    std::atomic<int64_t> next{0}; // task of the share that nobody took yet
    int64_t end = 0;
    int64_t grain = 1;
    std::atomic<uint32_t> asleep{0}; // 1 while its thread sleeps on it, or is about to
    bool divisible = false; // into several grains; else the share has one owner and `next` stays
    Body body = nullptr;
    void *context = nullptr;
  };

  void workerLoop(int thread);
  void awaitJob(Lane &lane);
  void sleepUnlessOpen(Lane &lane);
  void wakeSleepers(int width);
  void runShare(Lane &lane, int thread);
  void helpOthers(const Lane &own, int thread);

  std::vector<Lane> lanes; // one for each thread; the first is the caller's
  std::vector<std::thread> workers;
  alignas(64) std::atomic<uint32_t> sleepers{0};
  std::atomic<int32_t> attention{0};
  std::atomic<bool> stopping{false};
  std::atomic<bool> busy{false};
};

} // namespace weir::runtime
