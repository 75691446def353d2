// Ops that depend on which piece of a dim a device has: indices into a split dim, iotas, random
// bits.
#pragma once

#include "distributed/sharding/sharding.h"

#include "mlir/IR/Operation.h"

namespace weir::distributed {

/// What splits the dim: `axes`, of a dim of `size` elements in all.
struct SplitDim {
  int64_t size;
  std::vector<int> axes;
};

/// Makes `op`, a local op that `indicesOperand` knows, see the indices of its piece only: what it
/// picks elsewhere is zero, what it writes elsewhere is dropped.
void pickLocally(mlir::Operation *op, const SplitDim &split, const Mesh &mesh);
/// Makes a gather of all slices, of which each device has one, a permute.
void changePlaces(mlir::Operation *gather, llvm::ArrayRef<int64_t> places, const SplitDim &split,
                  const Mesh &mesh);
/// For each device the one whose slice it gets.
llvm::SmallVector<int64_t> placeSources(llvm::ArrayRef<int64_t> places,
                                        const std::vector<int> &axes, const Mesh &mesh);
constexpr const char *kPlacesReason = "gather moves slices to other devices";
/// Makes a local iota count from where its piece begins.
void countLocally(mlir::Operation *iota, const SplitDim &split, const Mesh &mesh);

/// Makes local random bits those of the piece: its part of the stream of the whole, of `shape`.
void drawLocally(mlir::Operation *bits, const std::vector<int64_t> &shape, const Sharding &sharding,
                 const Mesh &mesh);

} // namespace weir::distributed
