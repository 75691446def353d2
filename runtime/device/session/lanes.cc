// An instruction goes on where one of those it waits for was the last; else to the stream that has
// been without work longest.
#include "runtime/device/session/lanes.h"

#include <algorithm>

namespace weir::runtime {

namespace {

class Lanes {
public:
  explicit Lanes(int32_t streams)
      : last(size_t(streams), -1), waited(size_t(streams), std::vector<int32_t>(last)) {}

  /// `needs`: ascending positions in the stretch.
  void give(std::vector<Lane> &lanes, const std::vector<int32_t> &needs, bool isAlone) {
    const auto at = static_cast<int32_t>(lanes.size());
    Lane &lane = lanes.emplace_back();
    lane.stream = isAlone ? 0 : streamFor(lanes, needs);
    std::vector<int32_t> &seen = waited[size_t(lane.stream)];
    for (auto need = needs.rbegin(); need != needs.rend(); ++need) {
      const int32_t from = lanes[size_t(*need)].stream;
      if (from == lane.stream || seen[size_t(from)] >= *need) continue;
      lanes[size_t(*need)].isAwaited = true;
      lanes[size_t(at)].waits.push_back(*need);
      seen[size_t(from)] = *need;
    }
    last[size_t(lanes[size_t(at)].stream)] = at;
  }

private:
  int32_t streamFor(const std::vector<Lane> &lanes, const std::vector<int32_t> &needs) const {
    for (auto need = needs.rbegin(); need != needs.rend(); ++need)
      if (const int32_t stream = lanes[size_t(*need)].stream; last[size_t(stream)] == *need)
        return stream;
    return static_cast<int32_t>(std::min_element(last.begin(), last.end()) - last.begin());
  }

  std::vector<int32_t> last;                // instruction of each stream
  std::vector<std::vector<int32_t>> waited; // [stream][other]: the latest it has waited for
};

} // namespace

std::vector<Lane> lanesOf(std::span<const Instruction> stretch, int64_t first, int32_t streams,
                          const std::function<bool(const Instruction &)> &isAlone) {
  const bool isTold = std::any_of(stretch.begin(), stretch.end(),
                                  [](const Instruction &i) { return !i.deps.empty(); });
  Lanes given(isTold ? streams : 1);
  std::vector<Lane> lanes;
  lanes.reserve(stretch.size());
  for (const Instruction &instruction : stretch) {
    std::vector<int32_t> needs;
    for (int32_t dep : instruction.deps)
      if (dep >= first) needs.push_back(static_cast<int32_t>(dep - first));
    std::sort(needs.begin(), needs.end());
    given.give(lanes, needs, isAlone(instruction));
  }
  return lanes;
}

} // namespace weir::runtime
