// The derivative rules of the weir dialect, one table for each family of ops.
#pragma once

#include "autodiff/models/rules.h"
#include "mlir/IR/DialectRegistry.h"

namespace weir::autodiff {

void addElementwiseRules(DerivativeRules &c);
void addLayoutRules(DerivativeRules &c);
void addReductionRules(DerivativeRules &c);
void addContractionRules(DerivativeRules &c);
void addIndexingRules(DerivativeRules &c);
void addScatterRules(DerivativeRules &c);
void addOrderedRules(DerivativeRules &c);
void addStateRules(DerivativeRules &c);
/// Of the spmd dialect.
void addCollectiveRules(DerivativeRules &c);

} // namespace weir::autodiff
