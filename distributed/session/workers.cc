// A job number that workers wait for, and a count of those that are not done.
#include "distributed/session/workers.h"

namespace weir::distributed {

Workers::Workers(size_t count) : count(count) {
  if (count < 2) return;
  for (size_t worker = 0; worker < count; ++worker)
    threads.emplace_back([this, worker] { loop(worker); });
}

Workers::~Workers() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  for (std::thread &thread : threads) thread.join();
}

void Workers::run(const std::function<void(size_t)> &body) {
  if (threads.empty()) {
    for (size_t worker = 0; worker < count; ++worker) body(worker);
    return;
  }
  std::unique_lock lock(mutex);
  job = &body;
  ++jobs;
  busy = count;
  changed.notify_all();
  changed.wait(lock, [&] { return busy == 0; });
  job = nullptr;
}

void Workers::loop(size_t worker) {
  uint64_t done = 0;
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return stopping || jobs != done; });
    if (stopping) return;
    done = jobs;
    const std::function<void(size_t)> &body = *job;
    lock.unlock();
    body(worker);
    lock.lock();
    if (--busy == 0) changed.notify_all();
  }
}

} // namespace weir::distributed
