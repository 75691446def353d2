// Messages between two ranks: all that a backend has to provide. Algorithms, order, counters,
// deadlines and reports are built on top, once.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace weir::distributed {

/// What a rank is at, for the reports of others. Written by its rank, read by any thread.
class Whereabouts {
public:
  struct State {
    std::string doing;                             ///< "all_reduce 'loss' (train.cc:12)", or empty
    std::vector<std::pair<int, uint64_t>> entered; ///< collectives begun, by group id
    /// Collectives of a group that were begun.
    uint64_t begun(int group) const;
  };

  void enter(int group, uint64_t number, const std::string &what);
  /// The last one begun has ended.
  void leave();
  State state() const;

private:
  mutable std::mutex mutex;
  State now;
};

class Transport {
public:
  /// A message under way. Empty when done.
  struct Request {
    void *handle = nullptr;
    size_t bytes = 0;
    bool isReceive = false;
  };

  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Most bytes of one message.
  virtual int64_t maxMessage() const = 0;
  /// Cutting messages to this overlaps moving and combining best; 0: do not cut.
  virtual int64_t segmentBytes() const = 0;

  /// Start a message; neither blocks. The memory stays untouched until it is done. Messages with
  /// equal peers and tags arrive in order. Tags are below 2^28.
  virtual absl::Status send(int peer, uint32_t tag, const void *data, size_t bytes,
                            Request &request) = 0;
  virtual absl::Status receive(int peer, uint32_t tag, void *data, size_t bytes,
                               Request &request) = 0;
  /// Moves what can move. Error: the message was of another length than the receiver expected.
  virtual absl::StatusOr<bool> test(Request &request) = 0;
  /// Gives a message up; afterwards its memory is not touched.
  virtual void cancel(Request &request) = 0;

  /// Called when nothing moved: lets others run, answers their questions. May block for some
  /// milliseconds, unless something happened since the last call.
  virtual void idle() = 0;

  /// Where this rank says what it is at.
  virtual Whereabouts &whereabouts() = 0;
  /// What every rank is at; nothing for those that do not answer in time.
  virtual std::vector<std::optional<Whereabouts::State>>
  collect(std::chrono::milliseconds patience) = 0;

  /// Tells all ranks, the caller's too, to give up; only the first call counts. Any thread.
  virtual void abort(const absl::Status &why) = 0;
  /// OK until some rank called abort().
  virtual absl::Status aborted() = 0;
};

} // namespace weir::distributed
