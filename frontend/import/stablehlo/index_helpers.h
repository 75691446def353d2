// JAX wraps the reading and writing of one slice of a loop into private functions.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace weir::stablehlo {

/// Puts the bodies of small functions that only compute positions, read or write slices in place of
/// their calls inside loops, so that loops show what they read and write.
void inlineIndexHelpers(mlir::ModuleOp module);

} // namespace weir::stablehlo
