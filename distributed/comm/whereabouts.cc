// What a rank is at.
#include "distributed/comm/transport.h"

namespace weir::distributed {

uint64_t Whereabouts::State::begun(int group) const {
  for (auto [id, count] : entered)
    if (id == group) return count;
  return 0;
}

void Whereabouts::enter(int group, uint64_t number, const std::string &what) {
  std::lock_guard lock(mutex);
  now.doing = what;
  for (auto &[id, count] : now.entered)
    if (id == group) {
      count = number;
      return;
    }
  now.entered.emplace_back(group, number);
}

void Whereabouts::leave() {
  std::lock_guard lock(mutex);
  now.doing.clear();
}

Whereabouts::State Whereabouts::state() const {
  std::lock_guard lock(mutex);
  return now;
}

} // namespace weir::distributed
