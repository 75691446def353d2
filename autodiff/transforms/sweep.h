// Sweeps over the states of a loop, as JVPs of while and of sweep make them.
#pragma once

#include "autodiff/transforms/control.h"

namespace weir::autodiff {

/// A loop to be differentiated, in values of the source; `reverse` may be null.
struct SweepSource {
  mlir::Operation *op;
  mlir::ValueRange forwardInits, reverseInits;
  mlir::Block *forward, *reverse;
  int64_t snapshots;
};

/// A sweep that carries tangents as well. The states of the source come first, in its order, then
/// the tangents of those that vary.
struct SweptTangents {
  ir::SweepOp sweep;
  /// Result number of the tangent of each state, forward ones first; -1 where it is zero.
  llvm::SmallVector<int> tangentOf;
};

/// Emits the sweep at `b`. `trips` is a value of the derivative.
llvm::FailureOr<SweptTangents> sweepTangents(Jvp &jvp, const SweepSource &source, mlir::Value trips,
                                             mlir::OpBuilder &b);

} // namespace weir::autodiff
