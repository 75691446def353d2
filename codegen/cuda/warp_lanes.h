// From vectors to warps. A lowered kernel (codegen/lower) is code of one thread over scalars and
// rank-1 vectors of up to 32 lanes. Here a warp takes the place of that thread: each of its threads
// keeps one lane of every vector, and all of them keep every scalar.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::codegen::cuda {

/// Rewrites `kernel` in place so that no vector is left. What crosses lanes becomes shuffles and
/// votes, `llvm.nvvm` intrinsics; stores of scalars are one thread's; memory that is read as well
/// as written is fenced by barriers of the warp. All control flow stays the same for the whole
/// warp. The order of every sum is that of the vectors: bits are those of 32 lanes. Errors: an op
/// on vectors that has no meaning for lanes is a diagnostic.
mlir::LogicalResult mapLanesToThreads(mlir::func::FuncOp kernel);

} // namespace weir::codegen::cuda
