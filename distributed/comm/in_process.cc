// Mailboxes between threads.
#include "distributed/comm/in_process.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <thread>

namespace weir::distributed {

namespace {

/// One side of a message. Its owner deletes it when it is done; until it is matched it lies in the
/// mailbox and may be taken out again.
struct Half {
  uint32_t tag;
  void *data; ///< of a send, only read
  size_t bytes;
  enum State : int { Waiting, Matched, Done, WrongLength };
  std::atomic<int> state{Waiting};
  size_t otherBytes = 0;
};

/// What one rank has for another, or expects: only ever one of the two for a tag.
struct Mailbox {
  std::mutex mutex;
  std::deque<Half *> sends, receives;
};

/// Rung when a message of a rank moved.
struct Bell {
  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<uint64_t> count{0};
  std::atomic<bool> asleep{false};

  void ring() {
    count.fetch_add(1);
    if (!asleep.load()) return;
    std::lock_guard lock(mutex);
    changed.notify_all();
  }
};

struct World {
  explicit World(int ranks)
      : ranks(ranks), boxes(size_t(ranks) * size_t(ranks)), bells(size_t(ranks)),
        whereabouts(size_t(ranks)) {}

  Mailbox &box(int from, int to) { return boxes[size_t(from) * size_t(ranks) + size_t(to)]; }

  int ranks;
  std::vector<Mailbox> boxes;
  std::vector<Bell> bells;
  std::vector<Whereabouts> whereabouts;
  std::atomic<bool> isAborted{false};
  std::mutex abortMutex;
  absl::Status why;
};

void settle(Half &half, int state) {
  half.state.store(state, std::memory_order_release); // the owner may delete it now
}

/// Takes the first half with this tag out of a queue.
Half *take(std::deque<Half *> &queue, uint32_t tag) {
  for (auto it = queue.begin(); it != queue.end(); ++it)
    if ((*it)->tag == tag) {
      Half *found = *it;
      queue.erase(it);
      return found;
    }
  return nullptr;
}

class InProcessTransport : public Transport {
public:
  InProcessTransport(std::shared_ptr<World> world, int rank) : world(std::move(world)), me(rank) {}

  int rank() const override { return me; }
  int size() const override { return world->ranks; }
  int64_t maxMessage() const override { return int64_t(1) << 40; }
  int64_t segmentBytes() const override { return 1 << 18; }

  absl::Status send(int peer, uint32_t tag, const void *data, size_t bytes,
                    Request &request) override {
    post(peer, tag, const_cast<void *>(data), bytes, false, request);
    return absl::OkStatus();
  }
  absl::Status receive(int peer, uint32_t tag, void *data, size_t bytes,
                       Request &request) override {
    post(peer, tag, data, bytes, true, request);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> test(Request &request) override;
  void cancel(Request &request) override;
  void idle() override;
  Whereabouts &whereabouts() override { return world->whereabouts[size_t(me)]; }
  std::vector<std::optional<Whereabouts::State>> collect(std::chrono::milliseconds) override;
  void abort(const absl::Status &why) override;
  absl::Status aborted() override;

private:
  void post(int peer, uint32_t tag, void *data, size_t bytes, bool isReceive, Request &request);

  std::shared_ptr<World> world;
  int me;
  uint64_t heard = 0; ///< rings of the bell when idle() last returned
};

void InProcessTransport::post(int peer, uint32_t tag, void *data, size_t bytes, bool isReceive,
                              Request &request) {
  auto *mine = new Half{tag, data, bytes};
  request = {mine, bytes, isReceive};
  Mailbox &box = isReceive ? world->box(peer, me) : world->box(me, peer);
  Half *other;
  {
    std::lock_guard lock(box.mutex);
    other = take(isReceive ? box.sends : box.receives, tag);
    if (other)
      other->state.store(Half::Matched, std::memory_order_relaxed);
    else
      (isReceive ? box.receives : box.sends).push_back(mine);
  }
  if (!other) return;
  mine->otherBytes = other->bytes;
  other->otherBytes = bytes;
  int state = other->bytes == bytes ? Half::Done : Half::WrongLength;
  if (state == Half::Done && bytes)
    std::memcpy(isReceive ? data : other->data, isReceive ? other->data : data, bytes);
  settle(*mine, state);
  settle(*other, state);
  world->bells[size_t(peer)].ring();
}

absl::StatusOr<bool> InProcessTransport::test(Request &request) {
  auto *half = static_cast<Half *>(request.handle);
  int state = half->state.load(std::memory_order_acquire);
  if (state != Half::Done && state != Half::WrongLength) return false;
  size_t other = half->otherBytes;
  delete half;
  request.handle = nullptr;
  if (state == Half::Done) return true;
  return absl::InvalidArgumentError(absl::StrCat(
      "a message of ", request.isReceive ? other : request.bytes, " bytes met a receiver of ",
      request.isReceive ? request.bytes : other, ": ranks disagree on the shape"));
}

void InProcessTransport::cancel(Request &request) {
  auto *half = static_cast<Half *>(request.handle);
  bool found = false;
  for (int peer = 0; peer < world->ranks && !found; ++peer) {
    Mailbox &box = request.isReceive ? world->box(peer, me) : world->box(me, peer);
    std::lock_guard lock(box.mutex);
    std::deque<Half *> &queue = request.isReceive ? box.receives : box.sends;
    auto at = std::find(queue.begin(), queue.end(), half);
    found = at != queue.end();
    if (found) queue.erase(at);
  }
  while (!found) { // matched: the other rank is copying
    int state = half->state.load(std::memory_order_acquire);
    found = state == Half::Done || state == Half::WrongLength;
    if (!found) std::this_thread::yield();
  }
  delete half;
  request.handle = nullptr;
}

void InProcessTransport::idle() {
  Bell &bell = world->bells[size_t(me)];
  for (int i = 0; i < 32; ++i) {
    if (bell.count.load() != heard) {
      heard = bell.count.load();
      return;
    }
    std::this_thread::yield();
  }
  std::unique_lock lock(bell.mutex);
  bell.asleep.store(true);
  bell.changed.wait_for(lock, std::chrono::milliseconds(2),
                        [&] { return bell.count.load() != heard; });
  bell.asleep.store(false);
  heard = bell.count.load();
}

std::vector<std::optional<Whereabouts::State>>
InProcessTransport::collect(std::chrono::milliseconds) {
  std::vector<std::optional<Whereabouts::State>> states;
  for (const Whereabouts &rank : world->whereabouts) states.emplace_back(rank.state());
  return states;
}

void InProcessTransport::abort(const absl::Status &why) {
  {
    std::lock_guard lock(world->abortMutex);
    if (!world->why.ok()) return;
    world->why = why;
    world->isAborted.store(true);
  }
  for (Bell &bell : world->bells) bell.ring();
}

absl::Status InProcessTransport::aborted() {
  if (!world->isAborted.load(std::memory_order_relaxed)) return absl::OkStatus();
  std::lock_guard lock(world->abortMutex);
  return world->why;
}

} // namespace

std::vector<std::unique_ptr<Transport>> inProcessTransports(int ranks) {
  auto world = std::make_shared<World>(ranks);
  std::vector<std::unique_ptr<Transport>> transports;
  for (int rank = 0; rank < ranks; ++rank)
    transports.push_back(std::make_unique<InProcessTransport>(world, rank));
  return transports;
}

std::vector<std::unique_ptr<runtime::Communicator>>
inProcessCommunicators(int ranks, const CommunicatorOptions &options) {
  std::vector<std::unique_ptr<runtime::Communicator>> communicators;
  for (auto &transport : inProcessTransports(ranks))
    communicators.push_back(std::make_unique<ScheduledCommunicator>(std::move(transport), options));
  return communicators;
}

std::vector<absl::Status>
runInProcess(int ranks, const CommunicatorOptions &options,
             const std::function<absl::Status(runtime::Communicator &)> &body) {
  auto communicators = inProcessCommunicators(ranks, options);
  std::vector<absl::Status> statuses(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < statuses.size(); ++rank)
    threads.emplace_back([&, rank] {
      statuses[rank] = body(*communicators[rank]);
      if (!statuses[rank].ok()) communicators[rank]->abort(statuses[rank]);
    });
  for (std::thread &thread : threads) thread.join();
  return statuses;
}

} // namespace weir::distributed
