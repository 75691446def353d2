// A list of instructions as a device takes it: in stretches that need no decision of the host, with
// the instructions that do need one between them.
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/device/device.h"

#include <optional>
#include <span>

namespace weir::runtime {

/// Either `straight` (launches, copies and loops over them), or `control`: an if, a while, a
/// collective, or a loop that has one inside or would be too long for a graph.
struct Stretch {
  std::span<const Instruction> straight;
  int64_t first = 0;    ///< position of the first of them in their list
  bool isGraph = false; ///< worth capturing: several nodes, at the same addresses in every trip
  std::optional<GraphId> graph;

  const Instruction *control = nullptr;
  std::vector<Stretch> body, otherwise, condition;
};

/// The stretches of `list`, which must outlive them. `buffers`: those of the executable.
std::vector<Stretch> stretchesOf(const std::vector<Instruction> &list,
                                 const std::vector<Buffer> &buffers);

} // namespace weir::runtime
