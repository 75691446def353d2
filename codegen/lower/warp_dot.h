// Dots of f16 and bf16 on a warp's tensor cores: tiles of 16 by 8 with 16 steps of k at a time
// (mma.sync), sums in f32. For targets of warps; the operands come from memory as they lie there.
#pragma once

#include "codegen/cpu/dot/dot.h"
#include "codegen/lower/kernel_builder.h"

#include <optional>

namespace weir::codegen {

/// How a warp's dot is cut up: a task is a tile of the result, for one index of the outer loops.
struct WarpDotPlan {
  llvm::SmallVector<DotDim> outer, contract; // contract: the last in steps of 16
  DotDim rows, columns;
  int64_t lhsOffset = 0;
  int64_t tileRows = 0, tileColumns = 0; // multiples of 16 and 8
  int64_t tasks = 0;

  int64_t rowTiles() const { return (rows.size + tileRows - 1) / tileRows; }
  int64_t columnTiles() const { return (columns.size + tileColumns - 1) / tileColumns; }
};

/// From the loops of `plan`. Nothing where the target has no warps, `element` (of both operands) is
/// no narrow float, or a dim is too small to fill a good part of a tile.
std::optional<WarpDotPlan> planWarpDot(const DotPlan &plan, mlir::Type element,
                                       const TargetInfo &target);

/// Writes the loop over tasks. Sums are of the order of the hardware within 16 steps of k, and of
/// ascending k between; they are rounded once, where the result is narrower. `epilogue` as in
/// emitDot.
void emitWarpDot(KernelBuilder &k, const WarpDotPlan &plan, mlir::Type element,
                 const DotOperands &operands,
                 llvm::function_ref<void(const DotBlock &)> epilogue = nullptr);

} // namespace weir::codegen
