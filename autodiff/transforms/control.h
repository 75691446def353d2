// The transformations of control flow: one file for each op, and what those files share.
#pragma once

#include "autodiff/transforms/derivatives.h"
#include "autodiff/transforms/jvp.h"
#include "autodiff/transforms/split.h"
#include "autodiff/transforms/transpose.h"
#include "ir/pruning/prune.h"

namespace weir::autodiff {

extern const Structure kIfStructure, kScanStructure, kCallStructure, kWhileStructure,
    kSweepStructure, kCustomJvpStructure, kCustomVjpStructure, kCustomLinearStructure;

/// The values that `mask` names, or the others.
llvm::SmallVector<mlir::Value> masked(mlir::ValueRange values, const llvm::BitVector &mask,
                                      bool wanted = true);

/// Where `value` is among `values`; it is added at the end when it is not there.
unsigned position(llvm::SmallVector<mlir::Value> &values, mlir::Value value);

/// Erases the terminator of `block` and gives what it returned.
llvm::SmallVector<mlir::Value> takeTerminator(mlir::Block &block);

/// Values from outside that the regions of `op` use.
llvm::SetVector<mlir::Value> outerValues(mlir::Operation *op);

/// Marks the `carries` of `body` that vary, which start at `inits` and go on as its first yields: a
/// fixpoint, reached in as many rounds as there are carries at most. Other arguments of `body` are
/// marked before.
void carryActivity(Activity &active, mlir::Block &body, mlir::ValueRange inits,
                   mlir::ValueRange carries);

/// Copies the ops of `from` to `b`, without its terminator; calls, also in regions, become what
/// they call. `map` has the arguments of `from`, and gets what was copied.
llvm::LogicalResult cloneInlined(Derivatives &derivatives, mlir::Block &from, mlir::IRMapping &map,
                                 mlir::OpBuilder &b);

/// One argument for each of `values`, of its type.
llvm::SmallVector<mlir::Value> addArguments(mlir::Block &block, mlir::ValueRange values);

} // namespace weir::autodiff
