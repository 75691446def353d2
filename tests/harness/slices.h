// What vmap means, apart from the compiler: a call for each slice, one after the other.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace weir::testing {

/// Replaces every vmap of the module by slices of its inputs, calls, and concatenations of what
/// they give.
void loopOverSlices(mlir::ModuleOp module);

} // namespace weir::testing
