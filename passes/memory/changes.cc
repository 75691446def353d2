// Finding changes: cuts, what has to be run again for a set of tensors, and an
// estimate of the gain.
#include "passes/memory/changes.h"

#include "llvm/ADT/STLExtras.h"

namespace weir::passes {

namespace {

constexpr size_t kMostCuts = 40;  ///< of the part before the peak
constexpr size_t kMostFound = 64; ///< changes, best estimate first
constexpr int kMostAgain = 400;   ///< steps of one change

class ChangeFinder {
public:
  ChangeFinder(const Timeline &timeline, const Timeline::Profile &profile, int64_t target);
  llvm::SmallVector<Change> run();

private:
  void findResiduals();
  llvm::SmallVector<int> cuts() const;
  void consider(llvm::ArrayRef<int> seeds, int from);
  bool need(int tensor, int from);
  bool addStep(int step, int from);
  double gain() const;
  double over(int from, int to) const { return from < to ? overBefore[to] - overBefore[from] : 0; }
  /// The first reader of `tensor` at step `at` or later; past the end if there
  /// is none.
  int nextRead(int tensor, int at) const;
  /// The last step before `at` that makes or reads `tensor`.
  int lastTouch(int tensor, int at) const;

  const Timeline &timeline;
  int peak, end;
  std::vector<double> overBefore;                 ///< steps over the target among the first i
  std::vector<llvm::SmallVector<int, 4>> readers; ///< ascending, of each tensor
  llvm::SmallVector<int> residuals;               ///< live across the peak, in the order made
  // The change that is being put together.
  Change change;
  std::vector<int> markedStep,
      markedTensor; ///< with `round`: in `change.again`; kept for longer
  llvm::SmallVector<int> kept;
  int round = 0;
  llvm::SmallVector<Change> found;
};

ChangeFinder::ChangeFinder(const Timeline &timeline, const Timeline::Profile &profile,
                           int64_t target)
    : timeline(timeline), peak(profile.at), end(timeline.steps.size()),
      readers(timeline.tensors.size()), markedStep(timeline.steps.size(), 0),
      markedTensor(timeline.tensors.size(), 0) {
  overBefore.push_back(0);
  for (int64_t live : profile.live) overBefore.push_back(overBefore.back() + (live > target));
  for (auto [at, step] : llvm::enumerate(timeline.steps))
    for (int tensor : step.reads) readers[tensor].push_back(at);
}

int ChangeFinder::nextRead(int tensor, int at) const {
  auto next = llvm::lower_bound(readers[tensor], at);
  return next == readers[tensor].end() ? end : *next;
}

int ChangeFinder::lastTouch(int tensor, int at) const {
  auto next = llvm::lower_bound(readers[tensor], at);
  return next == readers[tensor].begin() ? timeline.tensors[tensor].made : *std::prev(next);
}

void ChangeFinder::findResiduals() {
  for (int at = 0; at < peak; ++at) {
    if (!timeline.steps[at].isRepeatable) continue;
    for (int tensor : timeline.steps[at].makes) {
      if (timeline.tensors[tensor].last <= peak) continue;
      int next = nextRead(tensor, peak);
      if (next > peak && next < end - 1) residuals.push_back(tensor); // the last step is the return
    }
  }
}

/// Places before the peak that few bytes cross on their way to a reader before
/// it: local minima, the narrowest of them, ascending; and both ends.
llvm::SmallVector<int> ChangeFinder::cuts() const {
  std::vector<int64_t> across(peak + 1, 0);
  for (int at = 0; at < peak; ++at)
    for (int tensor : timeline.steps[at].makes) {
      int last = lastTouch(tensor, peak);
      across[at + 1] += timeline.tensors[tensor].bytes;
      across[std::min(last, peak - 1) + 1] -= timeline.tensors[tensor].bytes;
    }
  for (int at = 1; at <= peak; ++at) across[at] += across[at - 1];
  llvm::SmallVector<int> places;
  for (int at = 1; at < peak; ++at)
    if (across[at] < across[at - 1] && across[at] <= across[at + 1]) places.push_back(at);
  llvm::sort(places,
             [&](int a, int b) { return std::pair(across[a], a) < std::pair(across[b], b); });
  if (places.size() > kMostCuts) places.resize(kMostCuts);
  places.append({0, peak});
  llvm::sort(places);
  places.erase(llvm::unique(places), places.end());
  return places;
}

/// What reads `tensor` once more finds it: because it lives anyway, or is run
/// again as well (if made at `from` or later), or because it is kept for
/// longer.
bool ChangeFinder::need(int tensor, int from) {
  const Timeline::Tensor &t = timeline.tensors[tensor];
  if (t.last >= change.before || markedStep[t.made] == round) return true;
  if (t.made >= from && timeline.steps[t.made].isRepeatable) return addStep(t.made, from);
  if (markedTensor[tensor] != round) {
    markedTensor[tensor] = round;
    kept.push_back(tensor);
  }
  return true;
}

bool ChangeFinder::addStep(int step, int from) {
  if (markedStep[step] == round) return true;
  if (int(change.again.size()) >= kMostAgain) return false;
  markedStep[step] = round;
  change.again.push_back(step);
  change.nanos += timeline.steps[step].nanos;
  return llvm::all_of(timeline.steps[step].reads, [&](int read) { return need(read, from); });
}

double ChangeFinder::gain() const {
  double bytes = 0;
  for (int step : change.again)
    for (int tensor : timeline.steps[step].makes) {
      const Timeline::Tensor &t = timeline.tensors[tensor];
      if (t.last < change.before) continue;
      bytes += double(t.bytes) * over(lastTouch(tensor, change.before) + 1, change.before);
    }
  for (int tensor : kept) {
    const Timeline::Tensor &t = timeline.tensors[tensor];
    if (markedStep[t.made] == round) continue;
    bytes -= double(t.bytes) * over(t.last + 1, change.before);
  }
  return bytes;
}

void ChangeFinder::consider(llvm::ArrayRef<int> seeds, int from) {
  ++round;
  change = {};
  kept.clear();
  change.before = end;
  for (int tensor : seeds) change.before = std::min(change.before, nextRead(tensor, peak));
  for (int tensor : seeds)
    if (!addStep(timeline.tensors[tensor].made, from)) return;
  change.gain = gain();
  if (change.gain <= 0) return;
  llvm::sort(change.again);
  found.push_back(change);
}

llvm::SmallVector<Change> ChangeFinder::run() {
  findResiduals();
  for (int tensor : residuals) {
    consider(tensor, timeline.tensors[tensor].made);
    consider(tensor, 0);
  }
  llvm::SmallVector<int> places = cuts();
  auto madeBefore = [&](int tensor, int at) { return timeline.tensors[tensor].made < at; };
  for (size_t i = 0; i < places.size(); ++i)
    for (size_t j = i + 1; j < places.size(); ++j) {
      auto first = llvm::lower_bound(residuals, places[i], madeBefore);
      auto last = llvm::lower_bound(residuals, places[j], madeBefore);
      if (last - first > 1) consider(llvm::ArrayRef(first, last), places[i]);
    }
  // Best first; then as they were found.
  std::vector<std::pair<double, int>> order;
  for (auto [number, change] : llvm::enumerate(found))
    order.push_back({-change.gain / (change.nanos + 1), number});
  llvm::sort(order);
  llvm::SmallVector<Change> best;
  for (auto [cost, number] : order) {
    if (best.size() == kMostFound) break;
    // Several cuts often come to the same.
    if (best.empty() || best.back().again != found[number].again) best.push_back(found[number]);
  }
  return best;
}

} // namespace

llvm::SmallVector<Change> promisingChanges(const Timeline &timeline,
                                           const Timeline::Profile &profile, int64_t target) {
  return ChangeFinder(timeline, profile, target).run();
}

} // namespace weir::passes
