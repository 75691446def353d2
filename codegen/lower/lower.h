// From a kernel in weir ops to loops and vectors over memrefs, which codegen/cpu/compile turns into
// machine code.
#pragma once

#include "codegen/cpu/target_info.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::codegen {

/// What the runtime must know about a lowered kernel.
struct LoweredKernel {
  mlir::func::FuncOp function;
  int64_t tasks = 0;        // 0: nothing to do.
  int64_t scratchBytes = 0; // For each thread.
};

/// Lowers `kernel`, a func.func with the attribute weir.kernel, to a function of the same name,
/// created at `into`:
///   func.func @k(arguments..., results... : memref<n x element>, begin: index, end: index,
///   scratch: memref<?xi8>)
/// Any split of [0, tasks) gives the same bits; reductions follow the order that the design fixes.
/// Errors: an op that has no lowering is a diagnostic that names the file to edit.
mlir::FailureOr<LoweredKernel> lowerKernel(mlir::func::FuncOp kernel, mlir::OpBuilder &into,
                                           const TargetInfo &target);

} // namespace weir::codegen
