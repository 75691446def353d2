// Split: cuts a differentiated block into the ops that are free of tangents and those linear in
// them.
//
// In a function the two kinds may stay side by side, and nothing is to be cut but ops that hold
// both kinds: loops, branches and calls become two, the first also giving what the second reads of
// it, the residuals. A Scope says where the halves of one block go and how a value gets from the
// primal half to the linear one.
#pragma once

#include "autodiff/transforms/activity.h"
#include "ir/checkpoint/policy.h"
#include "mlir/IR/IRMapping.h"

namespace weir::autodiff {

struct Scope {
  Scope(Scope *outer, mlir::Block &primal, mlir::Block &linear, mlir::Location loc)
      : outer(outer), primal(atEnd(primal, loc)), linear(atEnd(linear, loc)) {}

  Scope *outer;                   ///< null where outer values stand for themselves
  mlir::OpBuilder primal, linear; ///< at the ends of two blocks, or of one
  /// Makes a value of the primal half a residual and gives its counterpart in the linear half.
  /// Unused in one block.
  std::function<mlir::Value(mlir::Value)> residual;
  /// What does not change from one iteration to the next is computed again rather than stacked.
  bool isLoop = false;
  /// Set in a function under checkpoint: what it does not save is computed again.
  const ir::CheckpointPolicy *policy = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> carried;

  bool isOneBlock() const { return primal.getBlock() == linear.getBlock(); }
  /// Whether a value of the primal half depends on outer values alone.
  bool isInvariant(mlir::Value primal);

private:
  llvm::DenseMap<mlir::Value, bool> invariants;
};

class Split {
public:
  explicit Split(const Activity &linear) : linear(linear) {}

  /// Emits the ops of `from`, but not the terminator, into the halves of `scope`.
  llvm::LogicalResult block(mlir::Block &from, Scope &scope);

  /// The copy of a nonlinear value of the source in its primal half.
  mlir::Value inPrimal(mlir::Value source) const { return primals.lookup(source); }
  /// What stands for any value of the source in the linear half of `scope`.
  mlir::Value inLinear(mlir::Value source, Scope &scope);
  /// What stands for a value of a primal half, of `scope` or further out, in the linear half of
  /// `scope`.
  mlir::Value carry(mlir::Value primal, Scope &scope);

  /// Binds to the primal or linear half, whichever the source's value belongs to.
  void bindPrimal(mlir::Value source, mlir::Value copy) { primals.map(source, copy); }
  void bindLinear(mlir::Value source, mlir::Value copy) { linears.map(source, copy); }

  const Activity &linear;

private:
  llvm::LogicalResult visit(mlir::Operation *op, Scope &scope);
  bool isRecomputed(mlir::Value primal, Scope &scope);

  mlir::IRMapping primals, linears;
};

} // namespace weir::autodiff
