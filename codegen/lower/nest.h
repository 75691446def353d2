// Loops around vectors: which outer loops make the tasks, how long vectors are, how the last one is
// masked.
#pragma once

#include "codegen/lower/emitter.h"
#include "codegen/lower/frame.h"

namespace weir::codegen {

/// How a kernel's outer loops become tasks: the first `collapsed` of `loops` and `chunks` parts of
/// the vector loop.
struct TaskPlan {
  llvm::SmallVector<unsigned> loops; // Outside of the vector loop, outermost first.
  unsigned collapsed = 0;
  int64_t chunks = 1, chunkSize = 0; // In elements of the vector loop, a multiple of the lanes.
  int64_t tasks = 1;
};

/// Vector length for the nodes that differ along `loop`: no longer than the loop needs.
int64_t chooseLanes(const Frame &frame, const PointGraph &graph, unsigned loop,
                    llvm::ArrayRef<mlir::Type> stored);
/// Instructions at a point, roughly.
int bodyCost(const PointGraph &graph, unsigned loop);

/// Enough tasks to balance threads. `splitVectorLoop`: it may be cut into chunks.
TaskPlan planTasks(const TargetInfo &target, const IndexSpace &space,
                   llvm::ArrayRef<unsigned> outer, unsigned vectorLoop, int64_t lanes,
                   bool splitVectorLoop);

/// Emits the outer loops of `plan` around `inner`, which gets the range of the vector loop.
void emitTasks(Frame &frame, Emitter &emitter, const TaskPlan &plan, unsigned vectorLoop,
               llvm::function_ref<void(mlir::Value low, mlir::Value high)> inner);

/// Emits `body` for vectors over [low, high) of the vector loop; `size` is the loop's. low and
/// chunks are multiples of the lanes, so only the loop's very end is masked.
void emitVectors(Frame &frame, Emitter &emitter, unsigned vectorLoop, mlir::Value low,
                 mlir::Value high, int64_t size, bool cheap, llvm::function_ref<void()> body);

} // namespace weir::codegen
