// Meeting a memory budget by computing values again.
//
// Works on launches, in program order: a value that is live where the most memory is in use, but
// not read there, may be dropped and its kernel launched once more before the next reader, together
// with the kernels before it whose results are gone by then. The kernels are the same, so the
// results are, to the bit. One value after the other, best bytes for the time first, until the
// memory plan fits.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::passes {

/// What a run of the kernels-level @main needs, in bytes: arena, variables, constants, inputs,
/// outputs. Code and the threads' scratch, some hundred kB, are not counted.
int64_t plannedBytes(mlir::func::FuncOp main);

/// Adds launches to `main` until plannedBytes is at most `budget`. Where that cannot be, `main` is
/// diagnosed with what stands in the way.
llvm::LogicalResult rematerialize(mlir::func::FuncOp main, int64_t budget);

} // namespace weir::passes
