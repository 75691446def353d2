// Tree phases: few messages in a row, for short vectors. One tree serves them all: the members
// [0, n) are split at the largest power of two below n, again and again; the root of a range is the
// root of the collective where the range has it, else the range's first member. So the order of
// combining does not depend on the root.
#include "distributed/comm/builder.h"

#include <bit>

namespace weir::distributed {

namespace {

struct Range {
  int lo, hi;
  bool has(int index) const { return lo <= index && index < hi; }
  int root(int root) const { return has(root) ? root : lo; }
};

/// One level on the way of a member: the range, and its halves with and without the member.
struct Level {
  Range whole, mine, other;
};

/// From all members down to `me` alone.
std::vector<Level> levels(int n, int me) {
  std::vector<Level> way;
  for (Range range{0, n}; range.hi - range.lo > 1;) {
    int middle = range.lo + int(std::bit_floor(unsigned(range.hi - range.lo - 1)));
    Range left{range.lo, middle}, right{middle, range.hi};
    way.push_back(left.has(me) ? Level{range, left, right} : Level{range, right, left});
    range = way.back().mine;
  }
  return way;
}

/// The consecutive pieces of a range as one slice.
Slice span(const Slices &pieces, Range range) {
  Slice slice = pieces[size_t(range.lo)];
  for (int i = range.lo + 1; i < range.hi; ++i) slice.count += pieces[size_t(i)].count;
  return slice;
}

/// Where a member of a gather or scatter keeps the pieces of the widest range that it is root of:
/// in place at the root, its own piece where the range is no wider, else in scratch.
struct Holding {
  std::vector<Level> inside; ///< levels within the range, widest first
  int parent = -1;           ///< root of the range above; -1 at the root of all
  Slices pieces;
  Range range;
};

Holding hold(Builder &b, const Party &party, int root, const Slices &pieces, Slice own) {
  Holding holding{levels(party.size(), party.me), -1, pieces, {0, party.size()}};
  std::vector<Level> &way = holding.inside;
  while (!way.empty() && way.front().whole.root(root) != party.me) {
    holding.parent = party.members[size_t(way.front().whole.root(root))];
    holding.range = way.front().mine;
    way.erase(way.begin());
  }
  if (holding.parent < 0) return holding;
  if (way.empty()) {
    holding.pieces[size_t(party.me)] = own;
    return holding;
  }
  std::vector<int64_t> counts;
  for (int i = holding.range.lo; i < holding.range.hi; ++i)
    counts.push_back(pieces[size_t(i)].count);
  Slices kept = cut(b.scratch(span(pieces, holding.range).count), counts);
  for (int i = holding.range.lo; i < holding.range.hi; ++i)
    holding.pieces[size_t(i)] = kept[size_t(i - holding.range.lo)];
  return holding;
}

} // namespace

void treeReduce(Builder &b, const Party &party, int root, Slice input, Slice result) {
  std::vector<Level> way = levels(party.size(), party.me);
  Slice partial = input;
  for (size_t i = way.size(); i-- > 0;) {
    const Level &level = way[i];
    int target = level.whole.root(root);
    int begin = b.here();
    if (target != party.me) {
      b.send(party.members[size_t(target)], partial);
      return b.awaitSince(begin);
    }
    Slice arrived = b.scratch(input.count);
    b.receive(party.members[size_t(level.other.root(root))], arrived);
    b.awaitSince(begin);
    bool left = level.mine.lo < level.other.lo;
    b.combine(left ? partial : arrived, left ? arrived : partial, i == 0 ? result : arrived);
    partial = i == 0 ? result : arrived;
  }
  b.copy(partial, result);
}

void treeBroadcast(Builder &b, const Party &party, int root, Slice data) {
  int begin = b.here();
  for (const Level &level : levels(party.size(), party.me)) {
    int source = level.whole.root(root), target = level.other.root(root);
    if (source == party.me) {
      b.send(party.members[size_t(target)], data);
    } else if (level.mine.root(root) == party.me) {
      int at = b.here();
      b.receive(party.members[size_t(source)], data);
      b.awaitSince(at);
    }
  }
  b.awaitSince(begin);
}

void treeGather(Builder &b, const Party &party, int root, const Slices &pieces, Slice own) {
  int begin = b.here();
  Holding holding = hold(b, party, root, pieces, own);
  b.copy(own, holding.pieces[size_t(party.me)]);
  for (const Level &level : holding.inside)
    b.receive(party.members[size_t(level.other.root(root))], span(holding.pieces, level.other));
  b.awaitSince(begin);
  if (holding.parent < 0) return;
  int at = b.here();
  b.send(holding.parent, span(holding.pieces, holding.range));
  b.awaitSince(at);
}

void treeScatter(Builder &b, const Party &party, int root, const Slices &pieces, Slice own) {
  Holding holding = hold(b, party, root, pieces, own);
  int begin = b.here();
  if (holding.parent >= 0) b.receive(holding.parent, span(holding.pieces, holding.range));
  b.awaitSince(begin);
  int at = b.here();
  for (const Level &level : holding.inside)
    b.send(party.members[size_t(level.other.root(root))], span(holding.pieces, level.other));
  b.copy(holding.pieces[size_t(party.me)], own);
  b.awaitSince(at);
}

void treeAllReduce(Builder &b, const Party &party, Slice input, Slice result) {
  int n = party.size(), me = party.me;
  if (!std::has_single_bit(unsigned(n))) {
    treeReduce(b, party, 0, input, result);
    return treeBroadcast(b, party, 0, result);
  }
  Slice partial = input;
  for (int distance = 1; distance < n; distance *= 2) {
    int partner = me ^ distance, begin = b.here();
    Slice arrived = b.scratch(input.count);
    b.receive(party.members[size_t(partner)], arrived);
    b.send(party.members[size_t(partner)], partial);
    b.awaitSince(begin);
    Slice to = distance * 2 == n ? result : arrived;
    b.combine(me < partner ? partial : arrived, me < partner ? arrived : partial, to);
    partial = to;
  }
  b.copy(partial, result);
}

} // namespace weir::distributed
