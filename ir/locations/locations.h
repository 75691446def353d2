// The frames of an op's location, and the one that is the user's.
#pragma once

#include "mlir/IR/Location.h"

#include <optional>
#include <string>

namespace weir::ir {

/// All frames, innermost first; those of a fused location one part after the other.
llvm::SmallVector<mlir::FileLineColLoc> framesOf(mlir::Location loc);

/// The first frame outside the library's own folders, else the last one; none if there is no frame.
std::optional<mlir::FileLineColLoc> userFrame(mlir::Location loc);

/// userFrame as "file:line"; empty if there is none.
std::string userPlace(mlir::Location loc);

} // namespace weir::ir
