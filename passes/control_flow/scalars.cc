#include "passes/control_flow/scalars.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::passes {

Scalars::Scalars(Location loc, Block &block) : b(loc, OpBuilder::atBlockEnd(&block)) {}
Scalars::Scalars(Location loc, Operation *op) : b(loc, OpBuilder(op)) {}

Value Scalars::number(int64_t value) {
  auto type = RankedTensorType::get({}, b.getI64Type());
  return ConstantOp::create(b, DenseElementsAttr::get(type, value));
}

Value Scalars::add(Value x, Value y) {
  return AddOp::create(b, x, y);
}
Value Scalars::sub(Value x, Value y) {
  return SubOp::create(b, x, y);
}
Value Scalars::mul(Value x, Value y) {
  return MulOp::create(b, x, y);
}
Value Scalars::div(Value x, Value y) {
  return DivOp::create(b, x, y);
}
Value Scalars::min(Value x, Value y) {
  return MinOp::create(b, x, y);
}
Value Scalars::max(Value x, Value y) {
  return MaxOp::create(b, x, y);
}
Value Scalars::less(Value x, Value y) {
  return CompareOp::create(b, x, y, CompareDirection::lt);
}
Value Scalars::equal(Value x, Value y) {
  return CompareOp::create(b, x, y, CompareDirection::eq);
}
Value Scalars::select(Value predicate, Value onTrue, Value onFalse) {
  return SelectOp::create(b, predicate, onTrue, onFalse);
}

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Value Scalars::fill(Value value, int64_t size) {
  SmallVector<int64_t> shape{size};
  llvm::append_range(shape, shapeOf(value));
  return BroadcastOp::create(b, value, shape, llvm::to_vector(llvm::seq<int64_t>(1, shape.size())));
}

SmallVector<Value> Scalars::starts(Value table, Value index) {
  SmallVector<Value> values{index};
  if (shapeOf(table).size() > 1) values.append(shapeOf(table).size() - 1, number(0));
  return values;
}

Value Scalars::slice(Value table, Value index) {
  SmallVector<int64_t> sizes(shapeOf(table));
  sizes.front() = 1;
  Value part = DynamicSliceOp::create(b, table, starts(table, index), sizes);
  return ReshapeOp::create(b, part, shapeOf(table).drop_front());
}

Value Scalars::setSlice(Value table, Value index, Value value) {
  SmallVector<int64_t> shape{1};
  llvm::append_range(shape, shapeOf(value));
  Value part = ReshapeOp::create(b, value, shape);
  return DynamicUpdateSliceOp::create(b, table, part, starts(table, index));
}

} // namespace weir::passes
