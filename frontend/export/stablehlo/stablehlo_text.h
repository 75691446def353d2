// A Weir graph as StableHLO: the generic text that JAX's own parser accepts, so that the graph can
// go to XLA. CHLO's ops stand where StableHLO has none (erf, lgamma, ...).
#pragma once

#include "frontend/api/error.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace weir::stablehlo {

/// `module` is at graph level without jvp, vjp and sweep. Arguments and results of @main keep their
/// order, not their names; a variable's argument says which result replaces it
/// (tf.aliasing_output). Throws one Error that lists every op that cannot be expressed.
/// What StableHLO leaves to the implementation stays so: float to integer conversions out of range,
/// the order of sums.
std::string exportText(mlir::ModuleOp module, Location at = Location::current());

} // namespace weir::stablehlo
