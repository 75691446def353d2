// Windows over a split dim: what a device reads beyond its own piece. Derived from the affine map
// of an operand's dim, so convolutions, their derivatives, pooling and slices are one case.
#pragma once

#include "distributed/sharding/sharding.h"

#include <optional>

namespace weir::distributed {

/// A dim of an operand of which element (counter * stride + offset + others) / divisor is read at
/// each count of a loop; the other loops of the map add `low` (at most 0) to `high` (at least 0).
struct Halo {
  unsigned operand;
  int64_t dim;
  int64_t size;  ///< of the dim
  int64_t trips; ///< of the loop
  int64_t stride, offset, low, high, divisor;

  /// The same for one device, whose part of the loop is `trips` long. Device i reads the `width`
  /// elements from i * step + first on: of its own piece of `held`, of the last `left` elements of
  /// the piece before and the first `right` of the one behind.
  struct Local {
    int64_t trips, held, step, first, width, left, right;
    int64_t offset; ///< of the map into what is read
  };
  /// None where devices would read differently, or beyond their neighbours.
  std::optional<Local> local(const std::vector<int> &axes, const Mesh &mesh) const;
};

} // namespace weir::distributed
