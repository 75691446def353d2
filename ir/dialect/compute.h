// What a user asks of a whole module; passes/precision does it.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace weir::ir {

/// Of the module: the element type in which contractions of f32 are computed.
inline constexpr llvm::StringLiteral kComputeAttr = "weir.compute";

} // namespace weir::ir
