// Arithmetic on i64 scalars and tables in weir ops, for loops that count and look things up.
#pragma once

#include "ir/dialect/weir.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weir::passes {

/// Emits ops at one place. Numbers are i64 scalars, tables have an index as their first dim.
class Scalars {
public:
  /// At the end of `block`.
  Scalars(mlir::Location loc, mlir::Block &block);
  /// Before `op`.
  Scalars(mlir::Location loc, mlir::Operation *op);

  mlir::Value number(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  mlir::Value less(mlir::Value x, mlir::Value y);
  mlir::Value equal(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value predicate, mlir::Value onTrue, mlir::Value onFalse);

  /// A table of `size` entries, all `value`.
  mlir::Value fill(mlir::Value value, int64_t size);
  mlir::Value slice(mlir::Value table, mlir::Value index);
  mlir::Value setSlice(mlir::Value table, mlir::Value index, mlir::Value value);

  mlir::ImplicitLocOpBuilder b;

private:
  llvm::SmallVector<mlir::Value> starts(mlir::Value table, mlir::Value index);
};

} // namespace weir::passes
