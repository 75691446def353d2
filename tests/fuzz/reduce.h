// Makes a failing module smaller: results that are not needed to fail go, with everything that only
// they use.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>

namespace weir::testing {

/// The text of the smallest module found for which `fails` (given a copy that it may change) is
/// true, starting from `module`.
std::string reduced(mlir::ModuleOp module, const std::function<bool(mlir::ModuleOp)> &fails);

} // namespace weir::testing
