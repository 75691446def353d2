// Pieces of kernels that work across lanes: reductions over a row by the one tree that the numeric
// contract fixes, and transposition of a tile in registers. Emits arith, scf and vector operations.

#pragma once

#include "codegen/cpu/target_info.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weir::codegen {

enum class Combiner { Sum, Max, Min, Prod, And, Or };

/// The value that leaves others as they are, for a scalar or vector type of f32, f64, i32, i64, i1.
mlir::Value emitIdentity(mlir::ImplicitLocOpBuilder &b, Combiner combiner, mlir::Type type);

/// Combines two scalars or vectors of one type.
mlir::Value emitCombine(mlir::ImplicitLocOpBuilder &b, Combiner combiner, mlir::Value lhs,
                        mlir::Value rhs, const TargetInfo &target);

/// Reduces a vector to a scalar by halves: lane i with lane i + n/2, and so on. n is a power of 2.
mlir::Value emitReduceLanes(mlir::ImplicitLocOpBuilder &b, Combiner combiner, mlir::Value vector,
                            const TargetInfo &target);

struct RowReduction {
  Combiner combiner;
  mlir::Type element;
};

/// Produces the `step` values from `offset` (an index) on, one vector for each reduction, at `b`'s
/// insertion point. Only the first `valid` values exist; the lanes after them may hold anything.
using RowBody =
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value offset, int64_t valid)>;

/// Reduces the `size` values of a row, several reductions in one pass. Element i goes to
/// accumulator (i / VL) % 4, lane i % VL, where VL lanes of the element fill a register of
/// `target`; then (a0 + a1) + (a2 + a3), then lanes by halves. `step` is a power of 2 and at least
/// every VL. Returns a scalar for each reduction.
llvm::SmallVector<mlir::Value> emitRowReduction(mlir::ImplicitLocOpBuilder &b,
                                                llvm::ArrayRef<RowReduction> reductions,
                                                int64_t size, int64_t step,
                                                const TargetInfo &target, RowBody body);

/// Transposes an n x n tile held as n rows of n lanes: 32-bit elements and n = 4, 8 or 16, or
/// 64-bit elements and n = 2, 4 or 8. n log2(n) shuffles, each one instruction.
llvm::SmallVector<mlir::Value> emitTranspose(mlir::ImplicitLocOpBuilder &b,
                                             llvm::ArrayRef<mlir::Value> rows);

} // namespace weir::codegen
