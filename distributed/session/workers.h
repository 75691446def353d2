// Threads that run one job together: one for each device of a mesh in this process. Kept between
// jobs, since a step may take no longer than starting threads does.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::distributed {

class Workers {
public:
  /// One worker is the caller itself.
  explicit Workers(size_t count);
  ~Workers();
  Workers(const Workers &) = delete;
  Workers &operator=(const Workers &) = delete;

  size_t size() const { return count; }
  /// Calls `body(0)` ... `body(size() - 1)`, each on its thread, and returns when all are done. One
  /// caller at a time. `body` throws nothing.
  void run(const std::function<void(size_t)> &body);

private:
  void loop(size_t worker);

  size_t count;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable changed;
  const std::function<void(size_t)> *job = nullptr;
  uint64_t jobs = 0; ///< given out so far
  size_t busy = 0;
  bool stopping = false;
};

} // namespace weir::distributed
