// Expr: arithmetic on tensors as it is written on paper, for the rule tables.
//
// An Expr is a value and the builder that adds ops to it; numbers become splat constants of the
// other side's type, so `1.0 - y * y` emits three ops. Also the few value helpers that transposes
// share. Nothing here knows of derivatives.
#pragma once

#include "ir/dialect/weir.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weir::autodiff {

using RuleBuilder = mlir::ImplicitLocOpBuilder;

/// At the end of `block`, which need not belong to an op yet.
RuleBuilder atEnd(mlir::Block &block, mlir::Location loc);

mlir::RankedTensorType tensorType(mlir::Value value);
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
bool isFloat(mlir::Type type);
inline bool isFloat(mlir::Value value) {
  return isFloat(value.getType());
}

/// A constant of `type` (floating-point, integer or i1 elements) whose elements are all `number`.
mlir::Value splat(RuleBuilder &b, mlir::Type type, double number);
inline mlir::Value zeros(RuleBuilder &b, mlir::Type type) {
  return splat(b, type, 0.0);
}
inline mlir::Value zerosLike(RuleBuilder &b, mlir::Value value) {
  return zeros(b, value.getType());
}
/// True for a constant whose elements are all zero.
bool isZeroConstant(mlir::Value value);

/// Puts `value`, which a reduction of `like` over `dims` gave, back along those dims.
mlir::Value broadcastLike(RuleBuilder &b, mlir::Value value, mlir::Value like,
                          llvm::ArrayRef<int64_t> dims);
/// `value` itself when the permutation changes nothing.
mlir::Value transposed(RuleBuilder &b, mlir::Value value, llvm::ArrayRef<int64_t> permutation);
/// All elements added up: a scalar.
mlir::Value sumOfAll(RuleBuilder &b, mlir::Value value);

class Expr {
public:
  Expr(RuleBuilder &b, mlir::Value value) : builder(&b), value(value) {}
  operator mlir::Value() const { return value; }
  RuleBuilder &b() const { return *builder; }

  friend Expr operator+(Expr x, Expr y);
  friend Expr operator-(Expr x, Expr y);
  friend Expr operator*(Expr x, Expr y);
  friend Expr operator/(Expr x, Expr y);
  friend Expr operator-(Expr x);

  friend Expr operator+(Expr x, double y) { return x + x.number(y); }
  friend Expr operator-(Expr x, double y) { return x - x.number(y); }
  friend Expr operator*(Expr x, double y) { return x * x.number(y); }
  friend Expr operator/(Expr x, double y) { return x / x.number(y); }
  friend Expr operator+(double x, Expr y) { return y.number(x) + y; }
  friend Expr operator-(double x, Expr y) { return y.number(x) - y; }
  friend Expr operator*(double x, Expr y) { return y.number(x) * y; }
  friend Expr operator/(double x, Expr y) { return y.number(x) / y; }

  /// `number` everywhere, in this value's type.
  Expr number(double number) const { return {*builder, splat(*builder, value.getType(), number)}; }

private:
  RuleBuilder *builder;
  mlir::Value value;
};

/// The operands of an op. Stands for the first where one value is asked for, so unary rules read
/// `x`, others `x[1]`.
class Operands : public Expr {
public:
  Operands(RuleBuilder &b, mlir::ValueRange values) : Expr(b, values.front()), values(values) {}
  Expr operator[](unsigned i) const { return {b(), values[i]}; }

private:
  mlir::ValueRange values;
};

template <typename Op> Expr unary(Expr x) {
  return {x.b(), Op::create(x.b(), x)};
}
inline Expr exp(Expr x) {
  return unary<ir::ExpOp>(x);
}
inline Expr log(Expr x) {
  return unary<ir::LogOp>(x);
}
inline Expr sin(Expr x) {
  return unary<ir::SinOp>(x);
}
inline Expr cos(Expr x) {
  return unary<ir::CosOp>(x);
}
inline Expr abs(Expr x) {
  return unary<ir::AbsOp>(x);
}
inline Expr sign(Expr x) {
  return unary<ir::SignOp>(x);
}
inline Expr floor(Expr x) {
  return unary<ir::FloorOp>(x);
}
Expr pow(Expr x, Expr y);

Expr compare(ir::CompareDirection direction, Expr x, Expr y);
inline Expr equal(Expr x, Expr y) {
  return compare(ir::CompareDirection::eq, x, y);
}
inline Expr less(Expr x, Expr y) {
  return compare(ir::CompareDirection::lt, x, y);
}
Expr select(Expr predicate, Expr onTrue, Expr onFalse);

} // namespace weir::autodiff
