// What the user calls an argument of a graph.
#pragma once

#include "ir/dialect/weir.h"

namespace weir::ir {

/// Its name as a variable or as an input; null where it has none.
inline mlir::StringAttr argumentName(mlir::func::FuncOp main, unsigned argument) {
  auto name = main.getArgAttrOfType<mlir::StringAttr>(argument, kVariableAttr);
  return name ? name : main.getArgAttrOfType<mlir::StringAttr>(argument, kNameAttr);
}

} // namespace weir::ir
