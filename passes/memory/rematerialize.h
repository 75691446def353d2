// Meeting a memory budget by computing values again.
//
// Works on launches, in program order: values that are live where the most memory is in use, but
// not read there, are dropped, and the launches that make them run once more before the next
// reader; single values or whole segments (changes.h), best bytes for the time first, until the
// memory plan fits. The kernels are the same, so the results are, to the bit.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::passes {

/// What a run of the kernels-level @main needs, in bytes: arena, variables, constants, inputs,
/// outputs. Code and the threads' scratch, some hundred kB, are not counted.
int64_t plannedBytes(mlir::func::FuncOp main);

/// Adds launches to `main`, marked weir.again, until plannedBytes is at most `budget`, and says in
/// a remark what they are and cost. Where that cannot be, an error says what stands in the way.
llvm::LogicalResult rematerialize(mlir::func::FuncOp main, int64_t budget);

} // namespace weir::passes
