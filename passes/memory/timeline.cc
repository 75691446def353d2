// Measuring a timeline, and changing it.
#include "passes/memory/timeline.h"

namespace weir::passes {

void Timeline::measureLives() {
  for (auto [at, step] : llvm::enumerate(steps)) {
    for (int tensor : step.makes) tensors[tensor].made = tensors[tensor].last = at;
    for (int tensor : step.reads) tensors[tensor].last = at;
  }
}

/// Bytes that results take over from operands that are read for the last time.
int64_t Timeline::taken(const Step &step, int at) const {
  int64_t bytes = 0;
  llvm::SmallVector<int, 4> used;
  for (auto [made, read] : step.inPlace) {
    if (tensors[read].last != at || llvm::is_contained(used, made) ||
        llvm::is_contained(used, read))
      continue;
    used.append({made, read});
    bytes += tensors[made].bytes;
  }
  return bytes;
}

Timeline::Profile Timeline::profile(int64_t target) const {
  Profile profile;
  profile.live.reserve(steps.size());
  int64_t live = 0;
  for (auto [at, step] : llvm::enumerate(steps)) {
    for (int tensor : step.makes) live += tensors[tensor].bytes;
    int64_t now = live + step.inside - (step.inPlace.empty() ? 0 : taken(step, at));
    profile.live.push_back(now);
    if (now > target) profile.excess += double(now - target);
    if (now > profile.peak) profile.peak = now, profile.at = at;
    for (int tensor : step.makes)
      if (tensors[tensor].last == int(at)) live -= tensors[tensor].bytes;
    for (int tensor : step.reads)
      if (tensors[tensor].last == int(at)) live -= tensors[tensor].bytes;
  }
  return profile;
}

int64_t Timeline::lowerBound() const {
  int64_t bound = 0;
  for (const Step &step : steps) {
    int64_t bytes = step.inside;
    for (int tensor : step.makes) bytes += tensors[tensor].bytes;
    for (int tensor : step.reads) bytes += tensors[tensor].bytes;
    for (auto [made, read] : step.inPlace) bytes -= tensors[made].bytes;
    bound = std::max(bound, bytes);
  }
  return bound;
}

void Timeline::readInstead(Step &step, const llvm::DenseMap<int, int> &copies) const {
  auto replace = [&](int &tensor) {
    if (auto copy = copies.find(tensor); copy != copies.end()) tensor = copy->second;
  };
  for (int &tensor : step.reads) replace(tensor);
  for (auto &[made, read] : step.inPlace) replace(read);
}

void Timeline::add(const Change &change) {
  llvm::DenseMap<int, int> copies;
  std::vector<Step> again;
  for (int number : change.again) {
    Step step = steps[number];
    step.isAgain = true;
    readInstead(step, copies);
    for (int &tensor : step.makes) {
      int copy = tensors.size();
      tensors.push_back({.origin = tensors[tensor].origin, .bytes = tensors[tensor].bytes});
      for (auto &[made, read] : step.inPlace)
        if (made == tensor) made = copy;
      copies[tensor] = copy;
      tensor = copy;
    }
    again.push_back(std::move(step));
  }
  for (size_t i = change.before; i < steps.size(); ++i) readInstead(steps[i], copies);
  steps.insert(steps.begin() + change.before, std::make_move_iterator(again.begin()),
               std::make_move_iterator(again.end()));
}

void Timeline::apply(llvm::ArrayRef<Change> changes) {
  // Later ones first: what one adds comes after all that the next ones name.
  llvm::SmallVector<const Change *> ordered;
  for (const Change &change : changes) ordered.push_back(&change);
  llvm::sort(ordered, [](const Change *a, const Change *b) { return a->before > b->before; });
  for (const Change *change : ordered) add(*change);
  dropUnread();
  measureLives();
}

bool Timeline::isMade(int tensor) const {
  size_t at = tensors[tensor].made;
  return at < steps.size() && llvm::is_contained(steps[at].makes, tensor);
}

bool Timeline::dropAgain(int tensor) {
  if (!isMade(tensor)) return false;
  const int at = tensors[tensor].made;
  llvm::DenseMap<int, int> copies;
  for (int made : steps[at].makes)
    for (auto [other, known] : llvm::enumerate(tensors)) {
      if (known.origin != tensors[made].origin || known.made >= at || !isMade(other)) continue;
      auto [copy, isFirst] = copies.try_emplace(made, other);
      if (!isFirst && known.made > tensors[copy->second].made) copy->second = other;
    }
  for (size_t i = at + 1; i < steps.size(); ++i) readInstead(steps[i], copies);
  steps.erase(steps.begin() + at);
  dropUnread();
  measureLives();
  return true;
}

/// Later changes may have left nothing to read what an earlier one runs again.
void Timeline::dropUnread() {
  std::vector<bool> isRead(tensors.size(), false), drops(steps.size(), false);
  bool any = false;
  for (size_t i = steps.size(); i-- > 0;) {
    const Step &step = steps[i];
    drops[i] = step.isAgain && llvm::none_of(step.makes, [&](int t) { return isRead[t]; });
    any |= drops[i];
    if (drops[i]) continue;
    for (int tensor : step.reads) isRead[tensor] = true;
  }
  if (!any) return;
  std::vector<Step> kept;
  for (size_t i = 0; i < steps.size(); ++i)
    if (!drops[i]) kept.push_back(std::move(steps[i]));
  steps = std::move(kept);
}

} // namespace weir::passes
