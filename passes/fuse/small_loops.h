// Which loops become one kernel, steps and all, instead of launches in every iteration.
#pragma once

#include "mlir/IR/Operation.h"

namespace weir::passes {

/// A while or scan whose iterations are so short that launching their kernels, or sharing them
/// among threads, would take longer than one thread needs for them. Loops and ifs inside must be so
/// too.
bool isSmallLoop(mlir::Operation *op);
/// Moves constants that a kernel cannot hold from inside of the loop to before it.
void moveConstantsOut(mlir::Operation *loop);

} // namespace weir::passes
