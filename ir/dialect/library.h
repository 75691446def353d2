// Dots and convolutions that a library does, where the target has one: passes/fuse marks them,
// codegen/artifact reads the marks.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace weir::ir {

/// Of a dot of two matrices, or of two batches of them, which is a kernel by itself.
/// Of a convolution in a kernel of its own: which it is (library_convolution.h).
inline constexpr llvm::StringLiteral kLibraryAttr = "weir.library";
/// Of the module: "none" keeps all of them among the compiler's own kernels.
inline constexpr llvm::StringLiteral kLibrariesAttr = "weir.libraries", kNoLibraries = "none";
/// Of the module, and of such a dot or convolution: operands of f32 may be rounded to TF32.
inline constexpr llvm::StringLiteral kTf32Attr = "weir.tf32";

} // namespace weir::ir
