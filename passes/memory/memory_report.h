// The memory plan for people: what lies where, for how long, from which line.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <string>
#include <vector>

namespace weir::passes {

struct MemoryLine {
  std::string
      what; ///< name of a variable, feed or fetch, or the op that makes the value: "launch dot_3"
  std::string kind;   ///< arena, constant, input, output, variable
  std::string type;   ///< f32[128, 512]; of the largest value that lies there
  std::string place;  ///< the user's file:line, "" for what no line made
  int64_t device = 0; ///< whose arena it is
  int64_t bytes = 0, offset = 0;
  int64_t start = 0, end = 0; ///< positions in the schedule, both included
  bool atPeak = false;        ///< holds something when the most of the arena is in use
};

/// What one of several devices holds.
struct DeviceMemory {
  int64_t arenaBytes = 0, variableBytes = 0;
  int64_t copiedBytes = 0; ///< to it from others, in a run
};

struct MemoryReport {
  std::vector<MemoryLine> lines; ///< largest first
  int64_t arenaBytes = 0, liveBytes = 0, variableBytes = 0, constantBytes = 0, inputBytes = 0,
          outputBytes = 0;
  int64_t peakPosition = 0, positions = 0;
  std::map<int64_t, DeviceMemory> devices; ///< empty: there is one
};

/// Plans a kernels-level @main and lists the plan.
MemoryReport reportMemory(mlir::func::FuncOp main);

} // namespace weir::passes
