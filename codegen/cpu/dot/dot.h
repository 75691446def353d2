// Dot products of tensors as loops over register tiles: result[batch, rows, columns] =
// sum over contract of lhs * rhs, every element by fused multiply-adds in ascending k from zero.
// A dot is described by sizes and strides alone; planDot chooses tiles and blocks for a target and
// emitDot writes the loops. Knows nothing of the dialect.
#ifndef WEIR_CODEGEN_CPU_DOT_DOT_H
#define WEIR_CODEGEN_CPU_DOT_DOT_H

#include "codegen/cpu/target_info.h"

#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLExtras.h"

namespace mlir {
class Location;
class OpBuilder;
} // namespace mlir

namespace weir::codegen {

/// One loop of a dot: its size and the distance in elements of a step in each tensor, 0 where the
/// tensor does not have it.
struct DotDim {
  int64_t size = 1, lhs = 0, rhs = 0, result = 0;
};

struct DotProblem {
  llvm::SmallVector<DotDim> batch;    // in all three tensors
  llvm::SmallVector<DotDim> rows;     // in lhs and result
  llvm::SmallVector<DotDim> columns;  // in rhs and result; the last has distance 1 in both
  llvm::SmallVector<DotDim> contract; // in lhs and rhs; outermost first, which orders the sum
  int64_t lhsOffset = 0;              // where the lhs's first element is
  int64_t elementBytes = 4;           // of the sums
  bool resultHoldsSums = true;        // else the result is narrower: it cannot hold parts of a sum
};

/// The problem of row-major tensors: lhs dims named by lhsBatch, lhsContract and the free rest, rhs
/// alike; result dims are batch, lhs free, rhs free. The rhs's last dim must be free.
DotProblem denseDot(llvm::ArrayRef<int64_t> lhsShape, llvm::ArrayRef<int64_t> rhsShape,
                    llvm::ArrayRef<int64_t> lhsBatch, llvm::ArrayRef<int64_t> rhsBatch,
                    llvm::ArrayRef<int64_t> lhsContract, llvm::ArrayRef<int64_t> rhsContract,
                    int64_t elementBytes);

/// How a dot is cut up: registers hold tileRows x tileColumns of the result; a task is a block of
/// rows by a group of column tiles, for one index of the outer loops.
struct DotPlan {
  llvm::SmallVector<DotDim> outer;    // batch, and what cannot be merged with the loops below
  DotDim rows, panels, columns;       // panels: groups of columns laid out one after the other
  llvm::SmallVector<DotDim> contract; // never empty
  int64_t lhsOffset = 0;
  int64_t lanes = 0; // elements of a vector
  int64_t tileRows = 0, tileColumns = 0;
  int64_t rowBlocks = 0, tilesPerRowBlock = 0;
  int64_t columnGroups = 0, tilesPerGroup = 0;
  int64_t contractBlock = 0; // of the first contract dim: accumulators return to the result between
  int64_t tilesPerEpilogue = 1;          // column tiles that an epilogue takes at once: longer rows
  bool copyLhs = false, copyRhs = false; // the block of rows, the column tile: to scratch first

  int64_t tasks = 0;
  int64_t scratchBytes = 0; // of one thread
  double flops = 0;

  int64_t rowBlock() const { return tilesPerRowBlock * tileRows; }
  int64_t tilesPerPanel() const { return (columns.size + tileColumns - 1) / tileColumns; }
  int64_t columnTiles() const { return panels.size * tilesPerPanel(); }
  int64_t contractBlocks() const {
    return contractBlock ? (contract.front().size + contractBlock - 1) / contractBlock : 1;
  }
  bool sumIsEmpty() const {
    return llvm::any_of(contract, [](const DotDim &dim) { return dim.size == 0; });
  }
  int64_t contractBlockSize() const {
    return contractBlock ? contractBlock : contract.front().size;
  }
  int64_t rhsCopyElements() const { return copyRhs ? contractBlockSize() * tileColumns : 0; }
  /// The copy of the lhs is by rows where these are contiguous, else by row tiles, [tile][k][row].
  bool lhsIsByTiles() const { return contract.front().lhs != 1; }
  /// From a row to the next: not a power of two, for the cache's sake.
  int64_t lhsCopyStride() const { return contractBlockSize() + lanes; }
  int64_t lhsCopyElements() const {
    return copyLhs ? (rowBlock() + tileRows) * lhsCopyStride() : 0;
  }
};

DotPlan planDot(const DotProblem &problem, const TargetInfo &target);

/// The values a dot kernel works on: memrefs of static shape and identity layout (read as flat),
/// the tasks [begin, end), and scratch (memref<?xi8>) of at least plan.scratchBytes.
struct DotOperands {
  mlir::Value lhs, rhs, result, begin, end, scratch;
  mlir::Type sums =
      nullptr; // null: the result's, or what that widens to; f32: i16 in memory is bf16
};

/// A finished part of the result, still in cache: element (i, j) for i < rows and j < columns is at
/// flat index offset + i * rowStride + j.
struct DotBlock {
  mlir::Value offset, rows;
  int64_t columns, rowStride;
};

using EmitEpilogue = llvm::function_ref<void(mlir::OpBuilder &, mlir::Location, const DotBlock &)>;

/// Writes the loops over tasks [begin, end). `epilogue`, if given, is called at one or two places
/// of the emitted code, which together see every element of the result once, complete; it may
/// overwrite the block. Element types: f32, f64, i32, i64; operands and result may be of fewer
/// bytes, f16, bf16, i8 or i16, and are then added up in f32 or i32 and rounded once.
void emitDot(mlir::OpBuilder &b, mlir::Location loc, const DotPlan &plan,
             const DotOperands &operands, EmitEpilogue epilogue = nullptr);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_DOT_DOT_H
