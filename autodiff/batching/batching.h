// Batches: the batched functions of one module, each made once. f.vmap computes f for every slice
// of the arguments in a mask along a new first dim, and stacks the results along theirs.
//
// Which values differ from slice to slice (Spread) is found first; the others are computed once.
// Each op is copied with the batch as a dim of its own, by a rule that edits its attributes; an op
// without a rule runs in a scan over the slices, which is right for every op.
#pragma once

#include "autodiff/functions/functions.h"
#include "autodiff/models/expr.h"
#include "llvm/ADT/BitVector.h"

#include <map>

namespace weir::autodiff {

/// (arguments, those of the mask with the batch as dim 0) -> results, those in `results` likewise.
struct BatchedFunction {
  mlir::func::FuncOp function;
  llvm::BitVector results;
};

/// What is asked of a result: the batch as dim 0 where it differs from slice to slice; always; or
/// no batch, the sum over it.
enum class Out : char { AsIs = 'a', Batched = 'b', Summed = 's' };

class Batches {
public:
  explicit Batches(Functions &functions) : functions(functions) {}

  llvm::FailureOr<mlir::func::FuncOp> lookup(mlir::Operation *user, llvm::StringRef name) {
    return functions.lookup(user, name);
  }
  /// Results of `f` that differ from slice to slice when the arguments in `mask` do.
  const llvm::BitVector &spread(mlir::func::FuncOp f, const llvm::BitVector &mask);
  /// `outs`: one a result; empty: all as they are.
  llvm::FailureOr<BatchedFunction> batch(mlir::func::FuncOp f, const llvm::BitVector &mask,
                                         int64_t size, llvm::ArrayRef<Out> outs = {});

private:
  /// (function, mask, size and outs as text): what a batched function is known by.
  using Key = std::pair<mlir::Operation *, std::string>;

  Functions &functions;
  std::map<Key, llvm::BitVector> spreads;
  std::map<Key, BatchedFunction> made;
};

/// `value` with dim `from` moved so that it is dim `to`.
mlir::Value withDimAt(RuleBuilder &b, mlir::Value value, int64_t from, int64_t to);
/// `value` repeated along a new first dim.
mlir::Value withBatch(RuleBuilder &b, mlir::Value value, int64_t size);

} // namespace weir::autodiff
