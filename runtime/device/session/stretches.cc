// Counts the nodes that an instruction would have in a graph, loops unrolled, and cuts where there
// would be none or too many.
#include "runtime/device/session/stretches.h"

#include <algorithm>
#include <set>

namespace weir::runtime {

namespace {

constexpr int64_t kLeastNodes = 2, kMostNodes = 1 << 16;

/// Nothing where the host must decide. More than kMostNodes: as many as that and one.
std::optional<int64_t> nodesOf(const Instruction &instruction) {
  using Kind = Instruction::Kind;
  switch (instruction.kind) {
  case Kind::Launch:
  case Kind::Copy:
    return 1;
  case Kind::Loop: {
    int64_t body = 0;
    for (const Instruction &inner : instruction.body) {
      auto nodes = nodesOf(inner);
      if (!nodes) return std::nullopt;
      body = std::min(body + *nodes, kMostNodes + 1);
    }
    const bool isLong = body > 0 && instruction.trips > kMostNodes / body;
    return isLong ? kMostNodes + 1 : body * instruction.trips;
  }
  default:
    return std::nullopt;
  }
}

/// Whether a loop moves any buffer of these instructions that is not among `inside`, to which the
/// loops of the instructions themselves are added.
bool isMovedFromOutside(std::span<const Instruction> list, const std::vector<Buffer> &buffers,
                        std::set<int32_t> &inside) {
  for (const Instruction &instruction : list) {
    for (int32_t index : instruction.buffers)
      for (const LoopStride &stride : buffers[static_cast<size_t>(index)].strides)
        if (!inside.count(stride.loop)) return true;
    if (instruction.kind != Instruction::Kind::Loop) continue;
    inside.insert(instruction.loop);
    if (isMovedFromOutside(instruction.body, buffers, inside)) return true;
  }
  return false;
}

} // namespace

std::vector<Stretch> stretchesOf(const std::vector<Instruction> &list,
                                 const std::vector<Buffer> &buffers) {
  std::vector<Stretch> stretches;
  size_t first = 0;
  int64_t nodes = 0;
  auto close = [&](size_t end) {
    if (first == end) return;
    Stretch &stretch = stretches.emplace_back();
    stretch.straight = std::span(list).subspan(first, end - first);
    stretch.first = static_cast<int64_t>(first);
    std::set<int32_t> inside;
    stretch.isGraph =
        nodes >= kLeastNodes && !isMovedFromOutside(stretch.straight, buffers, inside);
  };
  for (size_t i = 0; i < list.size(); ++i) {
    auto here = nodesOf(list[i]);
    if (here && nodes + *here <= kMostNodes) {
      nodes += *here;
      continue;
    }
    close(i);
    first = i;
    nodes = here.value_or(0);
    if (here && *here <= kMostNodes) continue;
    Stretch &stretch = stretches.emplace_back();
    stretch.control = &list[i];
    stretch.body = stretchesOf(list[i].body, buffers);
    stretch.otherwise = stretchesOf(list[i].otherwise, buffers);
    stretch.condition = stretchesOf(list[i].condition, buffers);
    first = i + 1;
    nodes = 0;
  }
  close(list.size());
  return stretches;
}

} // namespace weir::runtime
