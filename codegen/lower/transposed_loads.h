// Loads that are dense along another loop than the one that vectors run along: a transposition.
// Tiles of it are transposed in registers instead of gathering every lane.
#pragma once

#include "codegen/lower/emitter.h"
#include "codegen/lower/frame.h"

namespace weir::codegen {

/// Loads with stride 1 along `loop` and another one along the vector loop.
struct TransposedLoads {
  unsigned loop = 0;
  llvm::SmallVector<const Node *> loads; // Empty: there is nothing to transpose.
};

/// Those below `roots`; all of them along the loop of the first.
TransposedLoads findTransposedLoads(const PointGraph &graph, llvm::ArrayRef<Node *> roots,
                                    unsigned vectorLoop, int64_t lanes);

/// Emits the whole nest, with `transposed.loop` in tiles: lanes x lanes elements of each load go
/// through scratch, then `body`, which stores `roots` at `flat`, runs for each of the loop's values
/// with vectors along the vector loop.
void emitTransposed(Frame &frame, Emitter &emitter, const TransposedLoads &transposed,
                    unsigned vectorLoop, llvm::ArrayRef<Node *> roots, const Affine &flat,
                    llvm::function_ref<void()> body);

} // namespace weir::codegen
