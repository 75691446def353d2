// What the bodies of loops and branches share: detached regions and their ends.
#pragma once

#include "frontend/build/function.h"

namespace weir::build {

/// A region of one empty block, in no op yet.
std::unique_ptr<mlir::Region> newRegion();
/// Ends the current block with a yield of `tensors`; their types.
llvm::SmallVector<mlir::Type> yield(GraphState &state, const char *name, const TensorList &tensors,
                                    Location at);
/// The graph that all of `tensors`, at least one, belong to.
StatePtr sharedState(const char *name, const TensorList &tensors, Location at);
/// Error unless `x` is an integer scalar.
void checkCounter(const char *name, const Operand &x, Location at);

/// Whether a loop's body gives its carries back as they started: as many, of the same types.
void checkCarries(const std::string &name, const TensorList &inits, const TensorList &carries,
                  Location at);

} // namespace weir::build
