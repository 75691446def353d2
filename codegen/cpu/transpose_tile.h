// Transposition of a square tile in vector registers, as vector.shuffle operations.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weir::codegen {

/// Transposes an n x n tile held as n rows of n lanes: 32-bit elements and n = 4, 8 or 16, or
/// 64-bit elements and n = 2, 4 or 8. n log2(n) shuffles, each one instruction.
llvm::SmallVector<mlir::Value> transposeTile(mlir::ImplicitLocOpBuilder &b,
                                             llvm::ArrayRef<mlir::Value> rows);

} // namespace weir::codegen
