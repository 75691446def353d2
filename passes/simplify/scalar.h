// Scalars of the dialect's element types, as constant folding sees them.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace weir::passes {

/// One element: a float held as f64, or an integer (i1 is 0 or 1; ui64 by its bits) held as i64.
struct Scalar {
  bool isFloat;
  double f = 0;
  int64_t i = 0;

  bool is(double v) const { return isFloat ? f == v : i == static_cast<int64_t>(v); }
};

/// The value of every element, if `value` is a constant with equal elements.
std::optional<Scalar> splatOf(mlir::Value value);
/// The elements in row-major order, if `value` is a constant of at most `limit` elements of a
/// supported type.
std::optional<llvm::SmallVector<Scalar>> elementsOf(mlir::Value value, int64_t limit);
/// `s` as an attribute of type `element`, rounded to it.
mlir::Attribute scalarAttr(mlir::Type element, Scalar s);
/// A constant of `type` with all elements `s`.
mlir::Value splatConstant(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, Scalar s);
/// A number as a Scalar of `element`.
Scalar scalarOf(mlir::Type element, double v);
/// Whether `element` holds the number `v`.
bool holds(mlir::Type element, double v);

} // namespace weir::passes
