// Looks at constants only.
#include "ir/dialect/permutation.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace weir::ir {

std::optional<SmallVector<int64_t>> constantPermutation(Value indices, int64_t size) {
  DenseIntElementsAttr constant;
  auto type = cast<RankedTensorType>(indices.getType());
  if (type.getRank() != 1 || type.getDimSize(0) != size ||
      !matchPattern(indices, m_Constant(&constant)))
    return std::nullopt;
  SmallVector<int64_t> places;
  SmallVector<bool> seen(size, false);
  for (const APInt &value : constant.getValues<APInt>()) {
    const int64_t place = value.getSExtValue();
    if (place < 0 || place >= size || seen[place]) return std::nullopt;
    seen[place] = true;
    places.push_back(place);
  }
  return places;
}

} // namespace weir::ir
