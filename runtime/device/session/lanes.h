// Which stream each instruction of a stretch is given, from what it has to wait for: a captured
// graph then holds the schedule's dependences in place of one line.
#pragma once

#include "runtime/artifact/executable.h"

#include <functional>
#include <span>
#include <vector>

namespace weir::runtime {

/// One instruction of a stretch.
struct Lane {
  int32_t stream = 0;         ///< 0 is the one that the stretch begins and ends on
  std::vector<int32_t> waits; ///< instructions of the stretch on other streams
  bool isAwaited = false;     ///< somebody waits for it
};

/// At most `streams` of them. `first`: position of the stretch in its list, in which deps count.
/// `isAlone`: instructions that share memory besides their buffers; they all go to stream 0. One
/// stream where no instruction says what it depends on.
std::vector<Lane> lanesOf(std::span<const Instruction> stretch, int64_t first, int32_t streams,
                          const std::function<bool(const Instruction &)> &isAlone);

} // namespace weir::runtime
