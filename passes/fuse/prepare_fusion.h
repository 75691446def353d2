// What happens to a function before its ops are clustered.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::passes {

/// Removes barriers (nothing is shared any more after this point), copies cheap producers into the
/// regions that read them, and makes large constants of equal elements that must lie in memory
/// kernels that fill it.
void prepareFusion(mlir::func::FuncOp func);

} // namespace weir::passes
