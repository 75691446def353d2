// A numbered file of IR for the source and after each pass.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace mlir {
class PassManager;
} // namespace mlir

namespace weir::passes {

/// Writes 00-source.mlir now, and NN-<pass>.mlir after each pass of `pm`, to `folder`, which is
/// made if need be.
mlir::LogicalResult dumpAfterEachPass(mlir::PassManager &pm, mlir::ModuleOp module,
                                      llvm::StringRef folder);

} // namespace weir::passes
