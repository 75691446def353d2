// The arguments and results of a graph's @main by name.
#pragma once

#include "tools/values/values.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::tools {

std::vector<Port> arguments(mlir::func::FuncOp main);
std::vector<Port> results(mlir::func::FuncOp main);

} // namespace weir::tools
