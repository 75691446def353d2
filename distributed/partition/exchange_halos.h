// The edges of pieces that windows reach into, from the neighbours.
#pragma once

#include "distributed/propagate/halo.h"

#include "mlir/IR/Operation.h"

namespace weir::distributed {

/// Makes `op`, whose loop is split by `axes`, read its window of the dim: what it has of it, what
/// its neighbours send, and beyond the ends what the op has there.
void exchangeHalo(mlir::Operation *op, const Halo &halo, const std::vector<int> &axes,
                  const Mesh &mesh);

/// For each device the one whose edge it gets: the one before (-1) or behind (1), around the ends.
llvm::SmallVector<int64_t> neighbourSources(const std::vector<int> &axes, const Mesh &mesh,
                                            int64_t distance);
/// "convolution reads beyond its piece"
std::string haloReason(mlir::Operation *op);

} // namespace weir::distributed
