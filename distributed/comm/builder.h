// The vocabulary in which algorithms are written: slices, messages between the members of a party,
// and the phases that collectives are put together from. A party is some members of the group;
// algorithms with two levels run a phase over one party after another.
#pragma once

#include "distributed/comm/schedule.h"

#include <utility>

namespace weir::distributed {

using Slices = std::vector<Slice>;

/// Some members of the group (their places in it) and the place of this rank among them.
struct Party {
  std::vector<int> members;
  int me = 0;
  int size() const { return static_cast<int>(members.size()); }
};

class Builder {
public:
  Builder(int64_t elementBytes, const Topology &topology);

  /// Cut where the transport needs it.
  void send(int peer, Slice from);
  void receive(int peer, Slice to);
  void copy(Slice from, Slice to);
  void combine(Slice left, Slice right, Slice to);
  void zero(Slice to);
  /// Waits for the messages since instruction `begin`; all of them without an argument.
  void awaitSince(int begin);
  void awaitRange(int begin, int end);
  void awaitAll() { awaitSince(0); }
  Slice scratch(int64_t count);

  int here() const { return static_cast<int>(schedule.instructions.size()); }
  /// `slice` cut so that messages overlap with combining; at least one piece. `coarser`: into so
  /// many times longer ones.
  Slices segments(Slice slice, int64_t coarser = 1) const;
  Schedule take() { return std::move(schedule); }

private:
  Schedule schedule;
  int64_t maxElements, segmentElements;
};

/// Consecutive pieces of `whole` with these counts.
Slices cut(Slice whole, const std::vector<int64_t> &counts);

// ---- Phases. Member j of the party plays its part with the same arguments, mutatis mutandis. ----

/// Member j ends with piece j of everybody's input, combined, in `result`. `coarser`: as of
/// Builder::segments; all members say the same.
void directReduceScatter(Builder &b, const Party &party, const Slices &pieces, Slice result,
                         int64_t coarser = 1);
void ringReduceScatter(Builder &b, const Party &party, const Slices &pieces, Slice result);
/// Everybody ends with all pieces; piece j is where member j has it already. A member's piece may
/// be several slices.
void directAllGather(Builder &b, const Party &party, const std::vector<Slices> &pieces);
/// The same where a member has its piece elsewhere: it is copied while messages are on the way.
void directAllGather(Builder &b, const Party &party, Slice own, const Slices &pieces);
void ringAllGather(Builder &b, const Party &party, const Slices &pieces);
/// Everybody's input combined at `root`; the result may lie where the input is.
void treeReduce(Builder &b, const Party &party, int root, Slice input, Slice result);
/// From `root` to everybody.
void treeBroadcast(Builder &b, const Party &party, int root, Slice data);
void ringBroadcast(Builder &b, const Party &party, int root, Slice data);
/// Between the root, which has all pieces, and the others, which have their own.
void treeGather(Builder &b, const Party &party, int root, const Slices &pieces, Slice own);
void treeScatter(Builder &b, const Party &party, int root, const Slices &pieces, Slice own);
/// Everybody's input combined at everybody, whole vectors at a time. Needs no pieces: for short
/// ones.
void treeAllReduce(Builder &b, const Party &party, Slice input, Slice result);

} // namespace weir::distributed
