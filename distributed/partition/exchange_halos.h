// The edges of pieces that windows reach into, from the neighbours.
#pragma once

#include "distributed/propagate/halo.h"

#include "mlir/IR/Operation.h"

namespace weir::distributed {

/// Makes `op`, whose loop is split by `axes`, read its window of the dim: what it has of it, what
/// its neighbours send, and beyond the ends what the op has there.
void exchangeHalo(mlir::Operation *op, const Halo &halo, const std::vector<int> &axes,
                  const Mesh &mesh);

} // namespace weir::distributed
