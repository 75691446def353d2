// Collectives of one device whose pieces lie one after the other in memory, as communicators move
// them: along the leading dim, with transposes around where another dim is meant. An all_to_all is
// of rows: [p, n] -> [1, p*n]. Positions on the mesh are asked for once, before everything, so
// that loops which read them stay loops of kernels.
#include "distributed/partition/partition.h"

#include "distributed/partition/local_ops.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

using Shape = SmallVector<int64_t>;

Shape dimsOf(Value value) {
  return Shape(cast<RankedTensorType>(value.getType()).getShape());
}

/// Does everything along `dim` lie in one run?
bool isLeading(ArrayRef<int64_t> shape, int64_t dim) {
  return llvm::all_of(shape.take_front(dim), [](int64_t size) { return size == 1; });
}

Value reshaped(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> shape) {
  return dimsOf(value) == shape ? value : ReshapeOp::create(b, value, shape).getResult();
}

/// Dim `dim` becomes the first.
Value toFront(ImplicitLocOpBuilder &b, Value value, int64_t dim) {
  Shape shape = dimsOf(value), order{dim};
  for (int64_t i = 0, n = shape.size(); i < n; ++i)
    if (i != dim) order.push_back(i);
  Shape moved = llvm::map_to_vector(order, [&](int64_t i) { return shape[i]; });
  if (isLeading(shape, dim)) return reshaped(b, value, moved);
  return TransposeOp::create(b, value, order);
}

/// The first dim becomes dim `dim`.
Value fromFront(ImplicitLocOpBuilder &b, Value value, int64_t dim) {
  Shape shape = dimsOf(value), order;
  for (int64_t i = 1, n = shape.size(); i <= n; ++i) {
    if (i == dim + 1) order.push_back(0);
    if (i < n) order.push_back(i);
  }
  Shape moved = llvm::map_to_vector(order, [&](int64_t i) { return shape[i]; });
  if (isLeading(moved, dim)) return reshaped(b, value, moved);
  return TransposeOp::create(b, value, order);
}

/// Dim `dim` as two: `parts`, and what each has of it.
Value unfolded(ImplicitLocOpBuilder &b, Value value, int64_t dim, int64_t parts) {
  Shape shape = dimsOf(value);
  shape[dim] /= parts;
  shape.insert(shape.begin() + dim, parts);
  return reshaped(b, value, shape);
}

RankedTensorType typed(Value like, ArrayRef<int64_t> shape) {
  return cast<RankedTensorType>(like.getType()).clone(shape);
}

class Flattener {
public:
  explicit Flattener(func::FuncOp function) : function(function) {}

  void run() {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) {
      if (isa<spmd::SpmdDialect>(op->getDialect())) ops.push_back(op);
    });
    for (Operation *op : ops) {
      ImplicitLocOpBuilder b(op->getLoc(), op);
      llvm::TypeSwitch<Operation *>(op)
          .Case<spmd::AllGatherOp, spmd::ReduceScatterOp, spmd::AllToAllOp>(
              [&](auto collective) { flatten(b, collective); })
          .Case([&](spmd::AxisIndexOp index) { hoist(index); });
    }
    eraseDead();
  }

private:
  void replace(ImplicitLocOpBuilder &b, Operation *op, Value value) {
    Value result = op->getResult(0);
    result.replaceAllUsesWith(reshaped(b, value, dimsOf(result)));
    op->erase();
  }
  void flatten(ImplicitLocOpBuilder &b, spmd::AllGatherOp op) {
    Value value = op.getOperand();
    Shape shape = dimsOf(value);
    if (isLeading(shape, op.getDim())) return;
    shape.insert(shape.begin(), 1);
    value = reshaped(b, value, shape);
    shape[0] = op.getParts();
    auto gathered = spmd::AllGatherOp::create(b, typed(value, shape), value, b.getI64IntegerAttr(0),
                                              op.getAxesAttr(), op.getPartsAttr(), b.getUnitAttr());
    keepNotes(gathered, op);
    replace(b, op, fromFront(b, gathered, op.getDim()));
  }

  void flatten(ImplicitLocOpBuilder &b, spmd::ReduceScatterOp op) {
    if (isLeading(dimsOf(op.getOperand()), op.getDim())) return;
    Value value = toFront(b, unfolded(b, op.getOperand(), op.getDim(), op.getParts()), op.getDim());
    Shape shape = dimsOf(value);
    shape[0] = 1;
    auto scattered = spmd::ReduceScatterOp::create(
        b, typed(value, shape), value, op.getCombinerAttr(), b.getI64IntegerAttr(0),
        op.getAxesAttr(), op.getPartsAttr(), b.getUnitAttr());
    keepNotes(scattered, op);
    replace(b, op, scattered);
  }

  void flatten(ImplicitLocOpBuilder &b, spmd::AllToAllOp op) {
    int64_t parts = op.getParts(), split = op.getSplitDim();
    Value value = toFront(b, unfolded(b, op.getOperand(), split, parts), split);
    Shape stacked = dimsOf(value);
    int64_t count = llvm::product_of(ArrayRef(stacked).drop_front());
    value = reshaped(b, value, {parts, count});
    auto exchanged = spmd::AllToAllOp::create(b, typed(value, {1, parts * count}), value,
                                              b.getI64IntegerAttr(0), b.getI64IntegerAttr(1),
                                              op.getAxesAttr(), op.getPartsAttr(), b.getUnitAttr());
    keepNotes(exchanged, op);
    replace(b, op, fromFront(b, reshaped(b, exchanged, stacked), op.getConcatDim()));
  }

  void hoist(spmd::AxisIndexOp op) {
    auto [known, isNew] = positions.insert({op.getAxesAttr(), op});
    if (isNew) return op->moveBefore(&function.front(), function.front().begin());
    op.replaceAllUsesWith(known->second.getResult());
    op.erase();
  }

  void eraseDead() {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : llvm::reverse(ops))
      if (op != function && isOpTriviallyDead(op)) op->erase();
  }

  func::FuncOp function;
  llvm::MapVector<Attribute, spmd::AxisIndexOp> positions;
};

} // namespace

void flattenCollectives(func::FuncOp function) {
  Flattener(function).run();
}

} // namespace weir::distributed
