// FLOPs and bytes, derived from iteration spaces. Region ops count their bodies; `if` counts its
// dearer branch.
#pragma once

#include "mlir/IR/Operation.h"

namespace weir::ir {

/// Floating-point operations of one op. A transcendental counts as one; data movement as none.
/// Calls and launches count their callee. Jvp and vjp requests count as zero: resolve them first.
int64_t flopsOf(mlir::Operation *op);
/// FLOPs of all ops in a function's body.
int64_t flopsOfBody(mlir::Region &body);

/// Storage of a tensor value; i1 takes a byte an element.
int64_t bytesOf(mlir::Type type);
/// Bytes of an op's operands and results, each counted once.
int64_t bytesMoved(mlir::Operation *op);

} // namespace weir::ir
