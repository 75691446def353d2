// Transposition: runs the linear ops of a block backwards, giving cotangents instead of tangents.
//
// Where a value is used twice its cotangents are added up. Values that no cotangent reaches are
// left out.
#pragma once

#include "autodiff/transforms/activity.h"
#include "llvm/ADT/SetVector.h"

namespace weir::autodiff {

/// Works within one block that belongs to it: backward ops read nonlinear values where they are,
/// and go to the end.
class Transpose {
public:
  explicit Transpose(const Activity &linear) : linear(linear) {}

  /// Emits at `b`, which stands at the end of `block` (the terminator is gone), the transposes of
  /// its linear ops.
  llvm::LogicalResult block(mlir::Block &block, mlir::OpBuilder &b);
  /// Erases the linear ops of `block`, which the cotangents do not need.
  void eraseLinearOps(mlir::Block &block);

  /// Null where zero.
  mlir::Value cotangent(mlir::Value v) const { return cotangents.lookup(v); }
  /// Adds to the cotangent of `v`; nonlinear values and null cotangents are ignored.
  void give(mlir::OpBuilder &b, mlir::Location loc, mlir::Value v, mlir::Value cotangent);

  /// Linear values from outside that the regions of `op` use.
  llvm::SetVector<mlir::Value> captures(mlir::Operation *op) const;

  const Activity &linear;

private:
  llvm::LogicalResult visit(mlir::Operation *op, mlir::OpBuilder &b);

  llvm::DenseMap<mlir::Value, mlir::Value> cotangents;
};

} // namespace weir::autodiff
