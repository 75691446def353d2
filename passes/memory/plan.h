// The memory plan as a data structure: storages, and where in them each value lies. plan_memory.cc
// writes it down as attributes; memory_report.cc tells it to people.
#pragma once

#include "ir/dialect/weir.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace weir::passes {

/// Bytes that belong together, and when they hold something (positions, both ends included). Values
/// that share them do so one after the other, or are views of each other.
struct Storage {
  ir::Space space = ir::Space::arena;
  int64_t index = 0; ///< of the arena: the device
  int64_t bytes = 0;
  int64_t start = 0, end = 0;
  int64_t offset = 0;
  llvm::SmallVector<mlir::Value, 2> values;
};

/// Part of a storage: `strides` lists [loop, stride, ...] for slices that scans move.
struct Place {
  int storage = -1;
  int64_t offset = 0, bytes = 0;
  llvm::SmallVector<int64_t, 2> strides;
  bool operator==(const Place &) const = default;
};

struct Copy {
  Place source, target;
};

struct MemoryPlan {
  std::vector<Storage> storages;
  llvm::DenseMap<mlir::Value, Place> places;
  /// To be done just before an op, in order.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Copy>> copies;
  llvm::DenseMap<mlir::Operation *, int64_t> loops; ///< number of each scan
  int64_t arenaBytes = 0;
  int64_t liveBytes = 0;    ///< the most that is live at one position
  int64_t peakPosition = 0; ///< where that is
};

/// Plans a kernels-level @main.
MemoryPlan planMemory(mlir::func::FuncOp main);

/// Gives every arena storage an offset (multiples of 64), largest first into the lowest gap that is
/// free for its whole life; each device's lie in a range of their own. Fills in the totals.
/// `positions` is one past the last position.
void assignOffsets(MemoryPlan &plan, int64_t positions);

} // namespace weir::passes
