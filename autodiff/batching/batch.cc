// Blocks of ops, op by op; an op that no rule takes runs in a scan over the slices.
#include "autodiff/batching/batch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

Value withDimAt(RuleBuilder &b, Value value, int64_t from, int64_t to) {
  SmallVector<int64_t> order;
  for (int64_t d = 0, rank = shapeOf(value).size(); d < rank; ++d)
    if (d != from) order.push_back(d);
  order.insert(order.begin() + to, from);
  return transposed(b, value, order);
}

Value withBatch(RuleBuilder &b, Value value, int64_t size) {
  SmallVector<int64_t> shape{size}, dims;
  for (auto [i, n] : llvm::enumerate(shapeOf(value))) shape.push_back(n), dims.push_back(i + 1);
  return BroadcastOp::create(b, value, shape, dims);
}

SmallVector<Value> Batch::copiesOf(ValueRange values) const {
  return llvm::map_to_vector(values, [&](Value v) { return copy(v); });
}

Value Batch::batched(RuleBuilder &b, Value v) {
  return differs(v) ? copy(v) : withBatch(b, copy(v), size);
}

Value Batch::batchedLike(RuleBuilder &b, Value v, Value like) {
  return differs(like) ? batched(b, v) : copy(v);
}

Type Batch::batchedType(Type type) const {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape{size};
  llvm::append_range(shape, tensor.getShape());
  return tensor.clone(shape);
}

Type Batch::typeOf(Value v) const {
  return differs(v) ? batchedType(v.getType()) : v.getType();
}

LogicalResult Batch::block(Block &from, OpBuilder &b) {
  for (Operation &op : from.without_terminator())
    if (failed(visit(&op, b))) return failure();
  return success();
}

LogicalResult Batch::region(Block &from, Region &to) {
  Block &block = to.emplaceBlock();
  for (Value argument : from.getArguments())
    bind(argument, block.addArgument(typeOf(argument), argument.getLoc()));
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  return this->block(from, b);
}

LogicalResult Batch::visit(Operation *op, OpBuilder &b) {
  if (!spread.touches(op)) {
    b.clone(*op, copies);
    return success();
  }
  RuleBuilder at(op->getLoc(), b);
  if (BatchRule rule = batchRuleOf(op)) {
    auto done = rule(*this, op, at);
    if (failed(done)) return failure();
    if (*done) return success();
  }
  loop(op, at);
  return success();
}

void Batch::loop(Operation *op, RuleBuilder &b) {
  SmallVector<Value> read = readValues(op).takeVector(), sliced;
  for (Value v : read)
    if (differs(v)) sliced.push_back(v);
  SmallVector<Type> types =
      llvm::map_to_vector(op->getResultTypes(), [&](Type type) { return batchedType(type); });
  auto scan = ScanOp::create(b, types, ValueRange(), copiesOf(sliced), size, false);
  Block &body = scan.getBody().emplaceBlock();
  IRMapping inside;
  for (Value v : read)
    inside.map(v, differs(v) ? Value(body.addArgument(v.getType(), v.getLoc())) : copy(v));
  RuleBuilder inner = atEnd(body, op->getLoc());
  YieldOp::create(inner, inner.clone(*op, inside)->getResults());
  for (auto [source, result] : llvm::zip(op->getResults(), scan->getResults()))
    bind(source, result);
}

} // namespace weir::autodiff
