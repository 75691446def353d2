// Along which mesh axes one op computes: the choice among those that its operands and results
// suggest, by cost.
#pragma once

#include "distributed/partition/partition.h"
#include "distributed/partition/redistribute.h"
#include "distributed/propagate/rule.h"

namespace weir::distributed {

/// What is known when an op is assigned.
struct Situation {
  mlir::Operation *op;
  const OpRule &rule;
  const Mesh &mesh;
  Redistributor &ways;
  llvm::ArrayRef<Sharding> operands; ///< as they are, partial sums as they will be once reduced
  llvm::ArrayRef<Sharding> results;  ///< as they are to be
};

/// The cheapest assignment: bytes to redistribute operands and results, then memory and FLOPs.
FactorAxes assignFactors(const Situation &situation);

} // namespace weir::distributed
