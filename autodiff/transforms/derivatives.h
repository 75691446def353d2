// Derivatives: the derivative functions of one module, each made once.
//
// All take functions and give new functions; none edits its input. Forward mode is `jvp`. Reverse
// mode is three in a row: jvp, then split (every op is either free of tangents or linear in them),
// then transpose (the linear ops backwards). What is made is private and named after its source:
// f.jvp, f.vjp, f.primal and f.linear (halves of a callee).
#pragma once

#include "autodiff/functions/functions.h"
#include "autodiff/models/rules.h"
#include "llvm/ADT/BitVector.h"
#include <map>

namespace weir::autodiff {

/// (arguments, tangents of arguments in the mask) -> (results, tangents of results in `results`).
struct JvpFunction {
  mlir::func::FuncOp function;
  llvm::BitVector results;
};

/// (arguments not in the mask, cotangents of seeded results) -> (results that are not linear,
/// cotangents of `arguments`).
struct TransposedFunction {
  mlir::func::FuncOp function;
  llvm::BitVector arguments; ///< of the source: those that got a cotangent
};

/// A function cut in two. primal: (nonlinear arguments) -> (nonlinear results, residuals); null
/// when it has no results. linear: (residuals, linear arguments) -> (linear results).
struct Halves {
  /// A residual is a nonlinear argument passed on, or a result of the primal half.
  struct Residual {
    bool isArgument;
    unsigned index;
  };
  mlir::func::FuncOp primal, linear;
  llvm::SmallVector<Residual> residuals;
  llvm::BitVector linearResults;
};

class Derivatives {
public:
  explicit Derivatives(Functions &functions) : functions(functions) {}

  /// The defined function called `name`; diagnosed at `user` when there is none.
  llvm::FailureOr<mlir::func::FuncOp> lookup(mlir::Operation *user, llvm::StringRef name) {
    return functions.lookup(user, name);
  }

  /// Results of `f` that vary with the arguments in `wrt`.
  const llvm::BitVector &activeResults(mlir::func::FuncOp f, const llvm::BitVector &wrt);

  llvm::FailureOr<JvpFunction> jvp(mlir::func::FuncOp f, const llvm::BitVector &wrt);
  /// `cotangents`: the results of `f` whose cotangents are given; the others' are zero.
  llvm::FailureOr<TransposedFunction> vjp(mlir::func::FuncOp f, const llvm::BitVector &wrt,
                                          const llvm::BitVector &cotangents);
  /// `saved`, if given, is what the linear half does not compute again: see ir/checkpoint.
  llvm::FailureOr<Halves> split(mlir::func::FuncOp f, const llvm::BitVector &linear,
                                mlir::ArrayAttr saved = nullptr);
  /// `f` must be linear in the `linear` arguments, its `linearResults` in nothing else; `seeded`
  /// are those of the linear results that have a cotangent.
  llvm::FailureOr<TransposedFunction> transpose(mlir::func::FuncOp f, const llvm::BitVector &linear,
                                                const llvm::BitVector &linearResults,
                                                const llvm::BitVector &seeded);

private:
  /// (function, masks as text): what a derivative is known by.
  using Key = std::pair<mlir::Operation *, std::string>;

  mlir::func::FuncOp insert(mlir::func::FuncOp source, llvm::StringRef suffix,
                            mlir::func::FuncOp made);

  Functions &functions;
  std::map<Key, llvm::BitVector> activities;
  std::map<Key, JvpFunction> jvps;
  std::map<Key, TransposedFunction> vjps, transposes;
  std::map<Key, Halves> halves;
};

} // namespace weir::autodiff
