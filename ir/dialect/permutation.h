// Indices that are known and name every place once: gathering by them moves whole slices around, as
// a roll does.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace weir::ir {

/// The numbers of a constant vector that holds each of 0 .. size-1 once; none where it does not.
std::optional<llvm::SmallVector<int64_t>> constantPermutation(mlir::Value indices, int64_t size);

} // namespace weir::ir
