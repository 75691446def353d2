// Direct and ring phases: bandwidth-optimal, every byte of a piece crosses as often as it must.
#include "distributed/comm/builder.h"

#include <algorithm>
#include <bit>

namespace weir::distributed {

namespace {

/// Segments that are on the way at once; few, so that they are combined while in the cache.
constexpr size_t kWindow = 4, kWindowOfCoarse = 2;

/// Combines leaves [lo, hi) as a balanced tree; `own` may not be overwritten.
Slice fold(Builder &b, const Slices &leaves, size_t lo, size_t hi, size_t own,
           const Slice *result) {
  if (hi - lo == 1) return leaves[lo];
  size_t middle = lo + std::bit_floor(hi - lo - 1);
  Slice left = fold(b, leaves, lo, middle, own, nullptr);
  Slice right = fold(b, leaves, middle, hi, own, nullptr);
  bool leftIsOwn = middle - lo == 1 && lo == own;
  Slice to = result ? *result : leftIsOwn ? right : left;
  b.combine(left, right, to);
  return to;
}

/// Piece j to member j, segment by segment, so that everybody can begin to combine.
void sendInTurn(Builder &b, const Party &party, const Slices &pieces, int64_t coarser) {
  int n = party.size(), me = party.me;
  std::vector<Slices> outgoing;
  size_t most = 0;
  for (const Slice &piece : pieces) {
    outgoing.push_back(b.segments(piece, coarser));
    most = std::max(most, outgoing.back().size());
  }
  for (size_t s = 0; s < most; ++s)
    for (int k = 1; k < n; ++k) {
      size_t to = size_t((me + k) % n);
      if (s < outgoing[to].size()) b.send(party.members[to], outgoing[to][s]);
    }
}

/// Starts to send `own` to everybody and to receive everybody's.
void exchangePieces(Builder &b, const Party &party, const Slices &own,
                    const std::vector<Slices> &pieces) {
  int n = party.size(), me = party.me;
  for (int k = 1; k < n; ++k) {
    size_t from = size_t((me + n - k) % n);
    for (Slice piece : pieces[from]) b.receive(party.members[from], piece);
  }
  for (int k = 1; k < n; ++k)
    for (Slice piece : own) b.send(party.members[size_t((me + k) % n)], piece);
}

} // namespace

void directReduceScatter(Builder &b, const Party &party, const Slices &pieces, Slice result,
                         int64_t coarser) {
  int n = party.size(), me = party.me;
  if (n == 1) return b.copy(pieces[0], result);
  Slices segments = b.segments(result, coarser);
  size_t window = std::min(segments.size(), coarser > 1 ? kWindowOfCoarse : kWindow);
  std::vector<Slices> places(window); // of a segment from each other member; used again and again
  for (Slices &place : places)
    for (int k = 1; k < n; ++k) place.push_back(b.scratch(segments[0].count));
  std::vector<Slices> leaves(segments.size());
  std::vector<std::pair<int, int>> received(segments.size());
  auto expect = [&](size_t s) {
    received[s].first = b.here();
    leaves[s].resize(size_t(n));
    for (int k = 1; k < n; ++k) {
      size_t from = size_t((me + n - k) % n);
      leaves[s][from] = places[s % window][size_t(k - 1)].part(0, segments[s].count);
      b.receive(party.members[from], leaves[s][from]);
    }
    leaves[s][size_t(me)] =
        pieces[size_t(me)].part(segments[s].offset - result.offset, segments[s].count);
    received[s].second = b.here();
  };
  for (size_t s = 0; s < window; ++s) expect(s);
  int sends = b.here();
  sendInTurn(b, party, pieces, coarser);
  int sent = b.here();
  for (size_t s = 0; s < segments.size(); ++s) {
    b.awaitRange(received[s].first, received[s].second);
    fold(b, leaves[s], 0, size_t(n), size_t(me), &segments[s]);
    if (s + window < segments.size()) expect(s + window);
  }
  b.awaitRange(sends, sent);
}

void directAllGather(Builder &b, const Party &party, const std::vector<Slices> &pieces) {
  int begin = b.here();
  exchangePieces(b, party, pieces[size_t(party.me)], pieces);
  b.awaitSince(begin);
}

void directAllGather(Builder &b, const Party &party, Slice own, const Slices &pieces) {
  std::vector<Slices> single;
  for (Slice piece : pieces) single.push_back({piece});
  int begin = b.here();
  exchangePieces(b, party, {own}, single);
  b.copy(own, pieces[size_t(party.me)]);
  b.awaitSince(begin);
}

void ringReduceScatter(Builder &b, const Party &party, const Slices &pieces, Slice result) {
  int n = party.size(), me = party.me;
  if (n == 1) return b.copy(pieces[0], result);
  int left = party.members[size_t((me + n - 1) % n)], right = party.members[size_t((me + 1) % n)];
  // Step s receives chunk me-s-2 and sends what step s-1 made; three places take turns, so that the
  // next step's messages have a place while this step's are combined and the last's leave.
  auto chunk = [&](int step) { return pieces[size_t((me - step - 2 + 2 * n) % n)]; };
  int64_t longest = 0;
  for (const Slice &piece : pieces) longest = std::max(longest, piece.count);
  Slices places;
  for (int i = 0; i < std::min(3, n - 1); ++i) places.push_back(b.scratch(longest));

  std::vector<std::pair<int, int>> receives; // instructions of each segment of the coming step
  auto post = [&](int step) {
    receives.clear();
    Slice place = places[size_t(step) % places.size()].part(0, chunk(step).count);
    for (Slice segment : b.segments(place)) {
      int begin = b.here();
      b.receive(left, segment);
      receives.emplace_back(begin, b.here());
    }
  };
  post(0);
  std::pair<int, int> sends{b.here(), 0}; // of the step before
  for (Slice segment : b.segments(pieces[size_t((me - 1 + n) % n)])) b.send(right, segment);
  sends.second = b.here();
  for (int step = 0; step < n - 1; ++step) {
    std::vector<std::pair<int, int>> arrived = receives;
    // The place of step+1 was sent from at step-1, and those messages have been awaited.
    if (step + 1 < n - 1) post(step + 1);
    bool last = step == n - 2;
    Slice place = places[size_t(step) % places.size()].part(0, chunk(step).count);
    Slices segments = b.segments(place);
    int begin = b.here();
    for (size_t s = 0; s < segments.size(); ++s) {
      int64_t at = segments[s].offset - place.offset, count = segments[s].count;
      b.awaitRange(arrived[s].first, arrived[s].second);
      b.combine(segments[s], chunk(step).part(at, count),
                last ? result.part(at, count) : segments[s]);
      if (!last) b.send(right, segments[s]);
    }
    int end = b.here();
    b.awaitRange(sends.first, sends.second);
    sends = {begin, end};
  }
}

void ringAllGather(Builder &b, const Party &party, const Slices &pieces) {
  int n = party.size(), me = party.me, begin = b.here();
  if (n == 1) return;
  int left = party.members[size_t((me + n - 1) % n)], right = party.members[size_t((me + 1) % n)];
  auto piece = [&](int step) { return pieces[size_t((me - step + n) % n)]; };
  std::vector<std::vector<std::pair<int, int>>> receives(static_cast<size_t>(n));
  for (int step = 1; step < n; ++step)
    for (Slice segment : b.segments(piece(step))) {
      int at = b.here();
      b.receive(left, segment);
      receives[size_t(step)].emplace_back(at, b.here());
    }
  for (Slice segment : b.segments(piece(0))) b.send(right, segment);
  for (int step = 1; step < n - 1; ++step) {
    Slices segments = b.segments(piece(step));
    for (size_t s = 0; s < segments.size(); ++s) {
      b.awaitRange(receives[size_t(step)][s].first, receives[size_t(step)][s].second);
      b.send(right, segments[s]);
    }
  }
  b.awaitSince(begin);
}

void ringBroadcast(Builder &b, const Party &party, int root, Slice data) {
  int n = party.size(), place = (party.me - root + n) % n, begin = b.here();
  int left = party.members[size_t((party.me + n - 1) % n)];
  int right = party.members[size_t((party.me + 1) % n)];
  Slices segments = b.segments(data);
  std::vector<std::pair<int, int>> receives;
  for (Slice segment : segments) {
    int at = b.here();
    if (place > 0) b.receive(left, segment);
    receives.emplace_back(at, b.here());
  }
  for (size_t s = 0; place + 1 < n && s < segments.size(); ++s) {
    b.awaitRange(receives[s].first, receives[s].second);
    b.send(right, segments[s]);
  }
  b.awaitSince(begin);
}

} // namespace weir::distributed
