// What order the comparator region of a sort means.
#pragma once

#include "frontend/import/stablehlo/scalar_evaluator.h"

namespace weir::stablehlo {

/// Lexicographic by operands `keys`, in Weir's order of each (-0 equals +0, NaN last) or in the
/// total order of their bits.
struct SortOrder {
  std::vector<int64_t> keys;
  bool descending = false;
  bool totalOrder = false;
};

/// The order that `region` over 2 * operands scalars decides, if it is one of those. Regions that
/// only compare and select are tried on all orders of their arguments, so however they are written
/// the answer is certain. `dtypes` are the operands', as in the text.
std::optional<SortOrder> sortOrderOf(mlir::Region &region, const std::vector<DType> &dtypes);

/// For `compare DIRECTION f(first), f(second)` with one f on both sides: the two values compared.
struct ComparedKeys {
  mlir::Value first;
  bool descending = false, totalOrder = false;
};
std::optional<ComparedKeys> comparedKeysOf(mlir::Region &region);

} // namespace weir::stablehlo
