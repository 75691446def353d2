// Figures of a device of the last generations: 100 to 150 multiprocessors, which hide latency with
// dozens of warps each.
#include "codegen/cuda/target.h"

namespace weir::codegen::cuda {

TargetInfo warpTarget() {
  TargetInfo target;
  target.cpu = kProcessor;
  target.warpLanes = kWarpLanes;
  target.vectorBytes = 4 * kWarpLanes;
  target.registers = 48; // accumulators of a dot's tile: each is a register of every thread
  target.l1Bytes = 128 << 10;
  target.l2Bytes = 64 << 20; // never a reason to copy or to cut sums
  target.wantedTasks = 8192;
  target.leastTaskElements = 4 * kWarpLanes;
  target.leastTaskFlops = 16e3;
  return target;
}

} // namespace weir::codegen::cuda
