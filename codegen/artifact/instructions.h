// @main of a planned kernels-level module as buffers and instructions.
#pragma once

#include "runtime/artifact/executable.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace weir::codegen {

/// Fills in inputs, outputs, variables, constants, buffers, instructions and loops of `executable`.
/// `kernels` gives the position of each kernel by name.
mlir::LogicalResult writeInstructions(mlir::func::FuncOp main,
                                      const llvm::StringMap<int32_t> &kernels,
                                      runtime::Executable &executable);

} // namespace weir::codegen
