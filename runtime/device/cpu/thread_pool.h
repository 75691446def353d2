//===- thread_pool.h - fork-join over a kernel's tasks ----------*- C++ -*-===//
// A kernel lasts microseconds, so threads wait for the next one by spinning on a cache line; they
// sleep when nothing came for a bounded time. A thread starts with its own share of the tasks (the
// same share each time, for its cache's sake) and then takes from the others. Nobody waits for a
// thread that has not joined: a sleeping or preempted worker costs its help, not its latency.
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

  int size() const { return static_cast<int>(shares.size()); }

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
  struct Job {
    Body body = nullptr;
    void *context = nullptr;
    int64_t grain = 1;
    int32_t width = 1;
  };
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  void workerLoop(int thread);
  uint64_t awaitJob(uint64_t seen);
  void sleepUnlessChanged(uint64_t seen);
  void wakeSleepers();
  void work(int thread);

  // `state` is (number of the call << 32 | width << 16 | open << 15 | workers that joined). A
  // worker joins by compare-and-swap while the call is open, and the job is not touched again until
  // all who joined are done.
  alignas(64) std::atomic<uint64_t> state{0};
  alignas(64) std::atomic<uint32_t> done{0};
  alignas(64) std::atomic<uint32_t> sleepers{0};
  std::atomic<uint32_t> wakeups{0}; // the futex
  std::atomic<int32_t> attention{0};
  std::atomic<bool> stopping{false};
  alignas(64) std::atomic<bool> busy{false};
  Job job;
  std::vector<Share> shares;
  std::vector<std::thread> workers;
};

} // namespace weir::runtime
