// Activity: which values vary when given values vary, through ops that have a derivative.
//
// Seeded with differentiated arguments it says what has a tangent; seeded with tangents it says
// what is linear. Carries of loops are found by fixpoint. It may say yes too often (the tangent
// then turns out to be zero), never no.
#pragma once

#include "autodiff/models/rules.h"
#include "mlir/IR/Block.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseSet.h"

namespace weir::autodiff {

class Derivatives;

class Activity {
public:
  explicit Activity(Derivatives &derivatives) : derivatives(derivatives) {}

  /// Seeded with those of `values` that `mask` names, then run over `block`.
  Activity(Derivatives &derivatives, mlir::Block &block, mlir::ValueRange values,
           const llvm::BitVector &mask);

  void insert(mlir::Value value) { active.insert(value); }
  bool contains(mlir::Value value) const { return active.contains(value); }
  /// One bit for each of `values`.
  llvm::BitVector mask(mlir::ValueRange values) const;
  /// Whether an operand, of the op or of an op within its regions, is active.
  bool touches(mlir::Operation *op) const;

  /// Marks what varies in `block`; to be called once its seeds are in.
  void run(mlir::Block &block);

  Derivatives &derivatives;

private:
  void visit(mlir::Operation *op);

  llvm::DenseSet<mlir::Value> active;
};

} // namespace weir::autodiff
