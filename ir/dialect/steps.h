// The form of a loop that is one kernel: a function of kind `control` holds an ordinary weir.while
// or weir.scan, whose ops carry the number of the step of their block that they belong to. A step
// is what would be a kernel of its own outside: neighbours of one number are lowered together, and
// only what other steps read goes through memory. An op without a number is a step by itself.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace weir::ir {

inline constexpr llvm::StringLiteral kStepAttr = "weir.step"; ///< i64, from 0 in each block
inline constexpr llvm::StringLiteral kControlKernel = "control";

} // namespace weir::ir
