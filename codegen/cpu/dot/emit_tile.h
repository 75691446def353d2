// The innermost part of a dot: one register tile of the result, its loop over k, and the small
// index arithmetic that the loops around it share.
#ifndef WEIR_CODEGEN_CPU_DOT_EMIT_TILE_H
#define WEIR_CODEGEN_CPU_DOT_EMIT_TILE_H

#include "codegen/cpu/dot/dot.h"

#include "mlir/IR/Builders.h"

namespace weir::codegen {

/// Builds index arithmetic at the builder's place; identities and constants fold away.
struct IndexBuilder {
  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Value constant(int64_t value) const;
  mlir::Value add(mlir::Value x, mlir::Value y) const;
  mlir::Value mul(mlir::Value x, int64_t factor) const;
  mlir::Value div(mlir::Value x, int64_t divisor) const;
  mlir::Value rem(mlir::Value x, int64_t divisor) const;
  mlir::Value sub(mlir::Value x, mlir::Value y) const;
  mlir::Value min(mlir::Value x, mlir::Value y) const;
  mlir::Value select(mlir::Value condition, int64_t x, int64_t y) const;
  mlir::Value equal(mlir::Value x, mlir::Value y) const;

  /// for i in [from, to) by step: body(i). Nothing but body(from) when there is one constant trip.
  void loop(mlir::Value from, mlir::Value to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body) const;
  /// As `loop`, with values carried from one trip to the next.
  llvm::SmallVector<mlir::Value> loopCarrying(
      mlir::Value from, mlir::Value to, llvm::ArrayRef<mlir::Value> init,
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, llvm::ArrayRef<mlir::Value>)>
          body) const;
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body) const;
};

/// The type that sums of products of this element type have: f32 for f16 and bf16, i32 for i8 and
/// i16.
mlir::Type sumType(mlir::Type element);
/// A scalar or vector as it lies in memory in the element type of sums; i16 to f32 is bf16.
mlir::Value widened(const IndexBuilder &ib, mlir::Value stored, mlir::Type sums);

/// The vectors that make `columns` elements; the last one may be partial.
struct VectorRow {
  VectorRow(mlir::Type element, int64_t columns, int64_t lanes)
      : element(element), columns(columns), lanes(lanes) {}

  int64_t vectors() const { return (columns + lanes - 1) / lanes; }
  mlir::VectorType type() const;
  /// Widens what lies in narrower memory; store narrows it.
  mlir::Value load(const IndexBuilder &ib, mlir::Value memref, mlir::Value at, int64_t v) const;
  void store(const IndexBuilder &ib, mlir::Value vector, mlir::Value memref, mlir::Value at,
             int64_t v) const;

  mlir::Type element;
  int64_t columns, lanes;

private:
  mlir::Value mask(const IndexBuilder &ib, int64_t v) const; // null: all of it
};

/// Where a tile reads and writes: flat memrefs, the index of its first element in each, the
/// distances between rows, and the loops over k with what is left of the outermost.
struct TileOperands {
  mlir::Value lhs, rhs, result; // no lhs and rhs: the sum is empty
  mlir::Value lhsAt, rhsAt, resultAt;
  int64_t lhsRowStride, resultRowStride;
  llvm::ArrayRef<DotDim> contract; // strides of what lhs and rhs point to
  mlir::Value trips;               // of contract.front()
  mlir::Value rhsCopy, rhsCopyAt;  // if given, what is read of the rhs is also written there,
  int64_t rhsCopyStride = 0;       // rows of k at this distance
  mlir::Value isFirst;             // i1: start from zero, else from the result; null: from zero
};

/// Emits result[rows x columns] (+)= lhs[rows x k] * rhs[k x columns].
void emitTile(const IndexBuilder &ib, const TileOperands &tile, int64_t rows,
              const VectorRow &columns);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_DOT_EMIT_TILE_H
