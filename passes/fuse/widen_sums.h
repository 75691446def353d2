// Sums of f16 and bf16 are made in f32 and rounded once. Kernels that hold a sum in registers do so
// by themselves; these helpers are for sums that would be stored while they are unfinished.
#pragma once

#include "mlir/IR/Builders.h"

namespace weir::passes {

/// Whether the elements are f16 or bf16.
bool isNarrowFloat(mlir::Value v);
/// `v` in f32 if it is of f16 or bf16, else `v`.
mlir::Value widened(mlir::OpBuilder &b, mlir::Location loc, mlir::Value v);
/// `v` in the element type of `like`.
mlir::Value narrowed(mlir::OpBuilder &b, mlir::Location loc, mlir::Value v, mlir::Type like);

} // namespace weir::passes
