//===- thread_pool_test.cc - fork-join under stress -----------------------===//
// Every task runs once whatever the widths, pauses and callers. Also for --config=tsan.
//===----------------------------------------------------------------------===//
#include "runtime/device/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

namespace weir::runtime {
namespace {

using Task = std::function<void(int64_t begin, int64_t end, int thread)>;

void parallelFor(ThreadPool &pool, int64_t tasks, Split split, const Task &task) {
  pool.parallelFor(
      tasks, split,
      [](void *task, int64_t begin, int64_t end, int thread) {
        (*static_cast<const Task *>(task))(begin, end, thread);
      },
      const_cast<Task *>(&task));
}

/// Runs `calls` calls of growing sizes and expects each task to have run once in each.
void expectEachTaskOnce(ThreadPool &pool, int calls, int64_t maxTasks) {
  std::vector<int> seen(maxTasks); // plain: the pool orders one call after the other
  std::vector<int> expected(maxTasks);
  for (int call = 0; call < calls; ++call) {
    int64_t tasks = call % (maxTasks + 1);
    Split split{1 + call % 5, 1 + call % 7};
    parallelFor(pool, tasks, split, [&](int64_t begin, int64_t end, int thread) {
      EXPECT_LT(thread, pool.size());
      for (int64_t i = begin; i < end; ++i) ++seen[i];
    });
    for (int64_t i = 0; i < tasks; ++i) ++expected[i];
  }
  EXPECT_EQ(seen, expected);
}

// features: G3
TEST(ThreadPool, RunsEachTaskOnce) {
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    EXPECT_LE(pool.size(), std::min(threads, availableCores()));
    ThreadPool::Attention attention(pool);
    expectEachTaskOnce(pool, 20000, 40);
  }
}

TEST(ThreadPool, WakesThreadsThatFellAsleep) {
  ThreadPool pool(2);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    expectEachTaskOnce(pool, 10, 9);
  }
}

TEST(ThreadPool, TwoThreadsReallyTakePart) {
  if (availableCores() < 2) GTEST_SKIP() << "one core";
  ThreadPool pool(2);
  std::atomic<int> inside{0};
  // Each of the two tasks waits for the other one to start.
  parallelFor(pool, 2, {2, 1}, [&](int64_t, int64_t, int) {
    inside.fetch_add(1);
    while (inside.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(inside.load(), 2);
}

TEST(ThreadPool, AThreadThatIsDoneTakesFromTheOthers) {
  if (availableCores() < 2) GTEST_SKIP() << "one core";
  ThreadPool pool(2);
  std::atomic<int> done{0};
  // Task 0 waits for all others, the rest of its own thread's share included.
  parallelFor(pool, 64, {2, 1}, [&](int64_t begin, int64_t, int) {
    if (begin == 0)
      while (done.load() < 63) std::this_thread::yield();
    done.fetch_add(1);
  });
  EXPECT_EQ(done.load(), 64);
}

TEST(ThreadPool, CallersThatFindItBusyRunAlone) {
  ThreadPool pool(2);
  std::vector<int64_t> sums(4);
  {
    std::vector<std::jthread> callers;
    for (int64_t &sum : sums)
      callers.emplace_back([&pool, &sum] {
        for (int call = 0; call < 500; ++call) {
          std::atomic<int64_t> total{0};
          parallelFor(pool, 100, {2, 3}, [&](int64_t begin, int64_t end, int) {
            for (int64_t i = begin; i < end; ++i) total += i;
          });
          sum += total;
        }
      });
  }
  for (int64_t sum : sums) EXPECT_EQ(sum, 500 * 4950);
}

TEST(ThreadPool, StartsAndStopsManyTimes) {
  for (int i = 0; i < 200; ++i) {
    ThreadPool pool(2);
    if (i % 2) expectEachTaskOnce(pool, 3, 2);
  }
}

} // namespace
} // namespace weir::runtime
