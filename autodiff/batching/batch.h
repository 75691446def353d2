// Batch: copies the ops of a block so that each computes all slices at once.
#pragma once

#include "autodiff/batching/batching.h"
#include "autodiff/batching/spread.h"
#include "mlir/IR/IRMapping.h"

namespace weir::autodiff {

/// Values that differ from slice to slice have the batch as dim 0. Builders stand at the end of
/// their block.
class Batch {
public:
  Batch(const Spread &spread, Batches &batches, int64_t size)
      : spread(spread), batches(batches), size(size) {}

  /// Emits the ops of `from`, but not the terminator.
  llvm::LogicalResult block(mlir::Block &from, mlir::OpBuilder &b);
  /// The same into a new block of `to`, whose arguments stand for those of `from`; the caller ends
  /// it.
  llvm::LogicalResult region(mlir::Block &from, mlir::Region &to);

  bool differs(mlir::Value source) const { return spread.contains(source); }
  /// What stands for the source's `v`.
  mlir::Value copy(mlir::Value v) const { return copies.lookup(v); }
  llvm::SmallVector<mlir::Value> copiesOf(mlir::ValueRange values) const;
  /// The same with the batch as dim 0 in any case.
  mlir::Value batched(RuleBuilder &b, mlir::Value v);
  /// The same, batched if `like` differs.
  mlir::Value batchedLike(RuleBuilder &b, mlir::Value v, mlir::Value like);
  /// The type of what stands for `v`.
  mlir::Type typeOf(mlir::Value v) const;
  /// `type` with the batch as dim 0.
  mlir::Type batchedType(mlir::Type type) const;
  void bind(mlir::Value v, mlir::Value copy) { copies.map(v, copy); }

  const Spread &spread;
  Batches &batches;
  const int64_t size;

private:
  llvm::LogicalResult visit(mlir::Operation *op, mlir::OpBuilder &b);
  /// One slice after the other.
  void loop(mlir::Operation *op, RuleBuilder &b);

  mlir::IRMapping copies;
};

/// Copies an op that differs: binds its results and says yes, or emits nothing and says no.
using BatchRule = llvm::FailureOr<bool> (*)(Batch &, mlir::Operation *, RuleBuilder &);

/// Null where there is none.
BatchRule batchRuleOf(mlir::Operation *op);

// The rules that are more than an edit of attributes.
llvm::FailureOr<bool> batchDot(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchConvolution(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchGather(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchDynamicSlice(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchDynamicUpdateSlice(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchIf(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchScan(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchWhile(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchSweep(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchCall(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchCustomJvp(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchCustomVjp(Batch &, mlir::Operation *, RuleBuilder &);
llvm::FailureOr<bool> batchCustomLinear(Batch &, mlir::Operation *, RuleBuilder &);

} // namespace weir::autodiff
