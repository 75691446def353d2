// Spread: which values differ from slice to slice of a batch. Carries of loops are found by
// fixpoint. It may say yes too often, never no.
#pragma once

#include "ir/dialect/weir.h"
#include "mlir/IR/Block.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace weir::autodiff {

class Batches;

class Spread {
public:
  explicit Spread(Batches &batches) : batches(batches) {}

  void insert(mlir::Value value) { values.insert(value); }
  bool contains(mlir::Value value) const { return values.contains(value); }
  /// One bit for each of `range`.
  llvm::BitVector mask(mlir::ValueRange range) const;
  /// Whether an operand differs, of the op or of an op within its regions.
  bool touches(mlir::Operation *op) const;

  /// Marks what differs in `block`; to be called once its seeds are in.
  void run(mlir::Block &block);

  Batches &batches;

private:
  void visit(mlir::Operation *op);
  void visitIf(ir::IfOp op);
  void visitScan(ir::ScanOp op);
  void visitWhile(ir::WhileOp op);
  void visitSweep(ir::SweepOp op);
  void flow(mlir::ValueRange from, mlir::ValueRange to);
  /// Runs `body` until the `carries`, which it yields first, stay.
  void loop(mlir::Block &body, mlir::ValueRange inits, mlir::ValueRange carries);
  void insertAll(mlir::ValueRange range);

  llvm::DenseSet<mlir::Value> values;
};

/// What the op and the ops within its regions read from outside of it.
llvm::SetVector<mlir::Value> readValues(mlir::Operation *op);

} // namespace weir::autodiff
