// Variables that are split and taken whole (ZeRO's stage 3): gathered where they are used, and
// again where they are used later, so that a whole one need not be kept from forward to backward.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::distributed {

/// Moves gathers of variables to their users. A variable is gathered anew for a user if another
/// gathered one is used since the last user of this one.
void gatherAgain(mlir::func::FuncOp function);

} // namespace weir::distributed
