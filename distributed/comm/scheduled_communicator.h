// A communicator that runs schedules over a transport. It matches collectives by their number in
// their group, so that several may be under way; counts what it sends; keeps a flight record; and
// when nothing moves for a time, says which rank waits in which collective for whom.
#pragma once

#include "distributed/comm/schedule.h"
#include "distributed/comm/transport.h"
#include "runtime/device/collectives/communicator.h"

#include <deque>
#include <functional>
#include <memory>

namespace weir::distributed {

struct CommunicatorOptions {
  /// The algorithm of a collective; must be supported. Default: Tree for short vectors and Direct
  /// for long ones, which have the same bits.
  std::function<Algorithm(const runtime::CollectiveSpec &, const Topology &)> choose;
  /// Node of each rank; empty: all on one.
  std::vector<int> nodeOfRank;
  /// Nothing moved for so long: report once, then give up.
  std::chrono::milliseconds reportAfter{5'000}, failAfter{120'000};
  /// Where reports go; default: stderr.
  std::function<void(const std::string &)> report;
};

class ScheduledCommunicator : public runtime::Communicator {
public:
  ScheduledCommunicator(std::unique_ptr<Transport> transport, CommunicatorOptions options);
  ~ScheduledCommunicator() override;

  int rank() const override { return transport->rank(); }
  int size() const override { return transport->size(); }
  absl::StatusOr<Prepared> prepare(const runtime::CollectiveSpec &spec) override;
  absl::StatusOr<Pending> start(Prepared what, const void *input, void *output) override;
  absl::Status progress() override;
  bool done(Pending what) const override;
  absl::Status wait(Pending what) override;
  void abort(const absl::Status &why) override { transport->abort(why); }
  const runtime::Traffic &traffic() const override { return counted; }
  std::string flightRecord() const override;

  /// The algorithm and instructions of a prepared collective.
  Algorithm algorithm(Prepared what) const { return prepared[size_t(what.id)].algorithm; }
  const Schedule &schedule(Prepared what) const { return prepared[size_t(what.id)].schedule; }

private:
  using Clock = std::chrono::steady_clock;
  struct Collective {
    runtime::CollectiveSpec spec;
    std::string text; ///< for messages
    int index;        ///< of this rank in the group
    Algorithm algorithm;
    Schedule schedule;
    size_t elementBytes;
  };
  /// A collective under way; its slot is used again.
  struct Operation {
    const Collective *what = nullptr;
    uint64_t serial = 0, number = 0; ///< among all of this rank; in its group
    uint32_t tag = 0;
    std::byte *memory[3] = {}; ///< input, output, scratch
    std::vector<std::byte> scratch;
    std::vector<Transport::Request> requests; ///< of each instruction
    size_t at = 0;                            ///< instruction
    int firstAwaited = 0;                     ///< in the Await at `at`, the rest is done
    size_t record = 0;
    bool active = false;
  };
  struct Record {
    const Collective *what = nullptr;
    uint64_t number = 0;
    Clock::time_point began, ended;
    bool done = false;
  };

  std::byte *address(Operation &op, const Slice &slice) const;
  absl::Status post(Operation &op, const Instruction &instruction, Transport::Request &request);
  /// Runs instructions until one must wait. Sets `moved` if any was run.
  absl::Status advance(Operation &op, bool &moved);
  absl::StatusOr<bool> arrived(Operation &op, const Instruction &await);
  absl::Status step(bool &moved);
  /// Ends everything here and everywhere.
  absl::Status fail(absl::Status why);
  void finish(Operation &op);
  /// What to say of an operation in which nothing moves.
  std::string explain(const Operation &op, Clock::duration waited);
  /// Ranks whose messages an operation waits for.
  std::vector<int> awaitedPeers(const Operation &op) const;

  std::unique_ptr<Transport> transport;
  CommunicatorOptions options;
  std::deque<Collective> prepared; // addresses stay
  std::deque<Operation> operations;
  std::vector<int> active;       ///< operations under way, in order of starting
  std::vector<uint64_t> numbers; ///< started so far, of each group id
  uint64_t serial = 0;
  std::vector<Record> records; ///< the last ones, in a ring
  size_t recorded = 0;
  runtime::Traffic counted;
  absl::Status failed;
};

} // namespace weir::distributed
