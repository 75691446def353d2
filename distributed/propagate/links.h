// What ties the shardings of values to each other.
#pragma once

#include "distributed/propagate/rule.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <vector>

namespace weir::distributed {

/// Values of which some dims run along common factors.
struct DimLink {
  enum Phase { Same, Parallel, Reducing };
  mlir::Operation *op;
  llvm::SmallVector<mlir::Value, 4> values;
  llvm::SmallVector<DimFactors, 4> dims;
  llvm::SmallVector<Factor, 4> factors;
  Phase phase; ///< when it spreads along parallel factors; along reducing ones in the last
};

/// The links of a function, in the order of its ops.
std::vector<DimLink> linksOf(mlir::func::FuncOp function);

} // namespace weir::distributed
