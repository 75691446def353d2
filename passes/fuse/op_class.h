// What fusion needs to know about an op: how it may take part in a kernel and what computing it
// again costs.
#pragma once

#include "ir/dialect/weir.h"

namespace weir::passes {

enum class OpClass {
  Splat,        ///< constant with equal elements: copied into every kernel that reads it
  Constant,     ///< other constants and undef: stay outside kernels
  Elementwise,  ///< one value a position
  View,         ///< reshape: free outside kernels
  Layout,       ///< a value at an index of others: broadcast, transpose, slice, gather, iota, ...
  RowReduce,    ///< reduces trailing dims, or all
  ColumnReduce, ///< reduces leading dims, or folds windows
  Dot,
  Own, ///< a kernel by itself: scatter_add, dynamic_update_slice, argmax, sort, cumulative_sum, ...
  Control ///< if, scan and while, collectives, and launches of libraries' kernels: no new kernels
};

OpClass classOf(mlir::Operation *op);
/// Rough vector instructions for one element.
int costOf(mlir::Operation *op);
/// Windows that all lie within what they are of: a dot's kernel reads these where they are, as its
/// lhs.
bool isStrided(mlir::Operation *op);
/// Whether `operand` must lie in memory before its owner's kernel runs.
bool needsMemory(mlir::OpOperand &operand);

inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value v) {
  return llvm::cast<mlir::RankedTensorType>(v.getType()).getShape();
}
inline int64_t countOf(mlir::Value v) {
  return llvm::cast<mlir::RankedTensorType>(v.getType()).getNumElements();
}
/// How many values a reduction combines, in all.
int64_t reductionPoints(mlir::Operation *op);
/// Bytes of one element in memory; i1 takes one.
int64_t elementBytes(mlir::Type type);
inline int64_t bytesOf(mlir::Value v) {
  return countOf(v) * elementBytes(v.getType());
}

} // namespace weir::passes
