// The permutes that localizing will make: edges that windows read of their neighbours' pieces, and
// gathers that move whole slices. For whoever explains a graph whose shapes are global.
#pragma once

#include "distributed/sharding/sharding.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace weir::distributed {

struct LocalPermute {
  mlir::Value value;                  ///< an operand
  int64_t elements;                   ///< that each device sends of it
  llvm::SmallVector<int64_t> sources; ///< of each device
  std::string reason;
};

/// Those of one op, with the shardings of its operands.
llvm::SmallVector<LocalPermute>
localPermutesOf(mlir::Operation *op, const llvm::DenseMap<mlir::Value, Sharding> &shardings,
                const Mesh &mesh);

} // namespace weir::distributed
