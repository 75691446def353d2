//===- communicator.h - collectives between devices -------------*- C++ -*-===//
// What the executor asks of a backend (in-process threads, MPI): prepare a collective once, start
// it often, call progress() between kernels, wait. One communicator belongs to one rank and is
// used by one thread; only abort() may come from another. Every error ends the collectives of all
// ranks: a rank never waits for one that has given up.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/dtype.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::runtime {

enum class CollectiveKind : uint8_t {
  Broadcast,
  Scatter,
  Gather,
  AllGather,
  Reduce,
  ReduceScatter,
  AllReduce,
  AllToAll,
  Permute,
  Send,
  Receive,
  Barrier
};
inline constexpr int kCollectiveKinds = 12;

enum class ReduceOp : uint8_t { Sum, Max, Min, Prod };

/// "all_reduce", ... and "sum", ...
const char *collectiveName(CollectiveKind kind);
const char *reduceOpName(ReduceOp op);
/// Reduce, ReduceScatter, AllReduce.
bool isReduction(CollectiveKind kind);

/// Ranks that act together, by their place in `ranks`. Two groups with the same id must be equal or
/// share no rank; 0 <= id < kGroupIds. Over a mesh the id is the set of axes, as bits.
struct Group {
  int id = 0;
  std::vector<int> ranks;

  int size() const { return static_cast<int>(ranks.size()); }
  /// Place of a rank, -1 where it is no member.
  int indexOf(int rank) const;
  /// "{0, 1, 2}"
  std::string str() const;
  bool operator==(const Group &) const = default;
};
inline constexpr int kGroupIds = 1024;

/// All ranks. Its id is kGroupIds - 1, which no set of nine mesh axes has.
Group worldGroup(int size);
/// The group of `rank` over some axes of a mesh whose axes have these sizes, the last one fastest:
/// the ranks that differ from it along `axes` only, in order of their position (major axis first).
Group meshGroup(const std::vector<int64_t> &axisSizes, const std::vector<int> &axes, int rank);

/// One collective of one rank. `counts` are elements:
///   broadcast, reduce, all_reduce, permute, send, receive   {n}
///   scatter, gather, all_gather, reduce_scatter             of each member's piece
///   all_to_all                                              sent to each; `receiveCounts` from
///   each barrier                                                 none
/// Pieces lie one after the other in order of the members. `root` (a place in the group) is the
/// source of broadcast and scatter, the target of gather and reduce, the partner of send and
/// receive. Only the root of scatter reads an input, only the root of gather and reduce has an
/// output. A member of a permute that is no target gets zeros.
struct CollectiveSpec {
  CollectiveKind kind = CollectiveKind::Barrier;
  Group group;
  DType dtype = DType::F32;
  ReduceOp op = ReduceOp::Sum;
  int root = 0;
  std::vector<int64_t> counts;
  std::vector<int64_t> receiveCounts;
  std::vector<std::pair<int, int>> pairs; ///< permute: source, target
  std::string name;                       ///< for messages: the value that is moved
  std::string source;                     ///< for messages: the user's line

  /// Elements that this member reads and writes.
  int64_t inputCount(int index) const;
  int64_t outputCount(int index) const;
  /// "all_reduce 'loss' (train.cc:12)"
  std::string str() const;
  bool operator==(const CollectiveSpec &) const = default;
};

/// Is the collective well formed, and `rank` a member? All reductions are refused for i1 sums and
/// products (use max and min). Errors name the collective and its line.
absl::Status checkCollective(const CollectiveSpec &spec, int rank, int worldSize);

/// Bytes and messages that a rank has sent, by kind, inside its node and to other nodes.
struct Traffic {
  struct Sent {
    int64_t bytes = 0, messages = 0;
    bool operator==(const Sent &) const = default;
  };
  enum Link { Intra, Inter };
  std::array<std::array<Sent, 2>, kCollectiveKinds> sent;

  const Sent &of(CollectiveKind kind, Link link) const { return sent[size_t(kind)][link]; }
  Sent total(Link link) const;
  /// A line for each kind that was used.
  std::string str() const;
};

class Communicator {
public:
  /// A prepared collective, and one that was started.
  struct Prepared {
    int id;
  };
  struct Pending {
    int id;
    uint64_t serial;
  };

  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Checks a collective and chooses its algorithm, once for equal ones. Local: no rank waits.
  virtual absl::StatusOr<Prepared> prepare(const CollectiveSpec &spec) = 0;
  /// Starts it. The members of a group start its collectives in the same order. The buffers stay
  /// untouched until it is done. They may be the same address in broadcast, reduce and all_reduce,
  /// and the input of all_gather may be its own piece of the output; otherwise they do not overlap.
  virtual absl::StatusOr<Pending> start(Prepared what, const void *input, void *output) = 0;
  /// Moves everything that can move; never blocks.
  virtual absl::Status progress() = 0;
  /// Has it ended? Moves nothing: call progress().
  virtual bool done(Pending what) const = 0;
  /// Blocks until it is done. Errors: whatever ended the job, the deadline among it.
  virtual absl::Status wait(Pending what) = 0;

  /// Ends every collective of every rank, now and later, with this error. The first call counts.
  virtual void abort(const absl::Status &why) = 0;

  virtual const Traffic &traffic() const = 0;
  /// The last collectives of this rank, a line each: order, what, where, state, time.
  virtual std::string flightRecord() const = 0;

  /// prepare, start and wait.
  absl::Status run(const CollectiveSpec &spec, const void *input, void *output);
};

} // namespace weir::runtime
