// Forward mode over blocks: copies ops and adds, after each, the op or ops that compute its
// tangent.
#pragma once

#include "autodiff/transforms/activity.h"
#include "mlir/IR/IRMapping.h"

namespace weir::autodiff {

/// "tangent" around the location of the forward op, whose call chain stays underneath.
mlir::Location tangentLoc(mlir::Location forward);
/// "cotangent" around the location of the forward op; takes a "tangent" off first.
mlir::Location cotangentLoc(mlir::Location forwardOrTangent);

/// All builders here stand at the end of their block.
class Jvp {
public:
  explicit Jvp(const Activity &active) : active(active) {}

  /// Emits the ops of `from`, but not the terminator, and their tangents.
  llvm::LogicalResult block(mlir::Block &from, mlir::OpBuilder &b);

  mlir::Value primal(mlir::Value v) const { return primals.lookupOrDefault(v); }
  /// Null where the tangent is known to be zero.
  mlir::Value tangent(mlir::Value v) const { return tangents.lookup(v); }
  mlir::Value tangentOrZeros(mlir::OpBuilder &b, mlir::Value v);
  /// Says what stands for the source's `v` from here on.
  void bind(mlir::Value v, mlir::Value copy, mlir::Value tangent = {});

  const Activity &active;

private:
  llvm::LogicalResult visit(mlir::Operation *op, mlir::OpBuilder &b);

  mlir::IRMapping primals;
  llvm::DenseMap<mlir::Value, mlir::Value> tangents;
};

} // namespace weir::autodiff
