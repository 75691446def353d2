// Indices become those of the piece; what is picked for an index elsewhere is zero, so that the
// pieces add up to what was meant.
#include "distributed/partition/pick_locally.h"

#include "distributed/partition/local_ops.h"
#include "distributed/propagate/rule.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

class Picker {
public:
  Picker(Operation *op, const SplitDim &split, const Mesh &mesh)
      : op(op), b(op->getLoc(), op), local(b, mesh), span(local.spanOf(split.size, split.axes)),
        size(split.size) {}

  void pick(unsigned operand) {
    Value indices = op->getOperand(operand);
    type = cast<RankedTensorType>(indices.getType());
    auto gather = dyn_cast<GatherOp>(op);
    if (gather) { // picks the nearest element for an index out of range
      indices = MaxOp::create(b, indices, local.splat(type, 0));
      indices = MinOp::create(b, indices, local.splat(type, static_cast<double>(size - 1)));
    }
    Value mine = SubOp::create(b, indices, like(span.start));
    op->setOperand(operand, mine);
    if (gather) keepMine(gather, mine);
  }

  void count(IotaOp iota) {
    Type element = iota.getElement();
    ArrayRef<int64_t> shape = iota.getType().getShape();
    Value at = IotaOp::create(b, shape, iota.getDim(), b.getI32Type());
    at = AddOp::create(b, at, local.spread(span.start, shape));
    if (!element.isInteger(32)) at = ConvertOp::create(b, at, element);
    iota.replaceAllUsesWith(at);
    iota.erase();
  }

private:
  /// An i32 scalar as a tensor like the indices.
  Value like(Value scalar) {
    if (!type.getElementType().isInteger(32))
      scalar = ConvertOp::create(b, scalar, type.getElementType());
    return local.spread(scalar, type.getShape());
  }

  void keepMine(GatherOp gather, Value mine) {
    Value isBehind = CompareOp::create(b, mine, local.splat(type, 0), CompareDirection::ge),
          isBefore = CompareOp::create(b, mine, like(span.count), CompareDirection::lt);
    Value isMine = AndOp::create(b, isBehind, isBefore);
    auto result = gather.getType();
    const int64_t dim = gather.getDim(), batch = gather.getBatchDims();
    SmallVector<int64_t> dims;
    for (int64_t d = 0, rank = type.getRank(); d < rank; ++d)
      dims.push_back(d < batch ? d : dim + d - batch);
    b.setInsertionPointAfter(gather);
    Value mask = BroadcastOp::create(b, isMine, result.getShape(), dims);
    auto kept = SelectOp::create(b, mask, gather.getResult(), local.splat(result, 0));
    gather.getResult().replaceAllUsesExcept(kept, kept);
  }

  Operation *op;
  ImplicitLocOpBuilder b;
  LocalOps local;
  LocalOps::Span span;
  int64_t size;
  RankedTensorType type; ///< of the indices
};

} // namespace

SmallVector<int64_t> placeSources(ArrayRef<int64_t> places, const std::vector<int> &axes,
                                  const Mesh &mesh) {
  SmallVector<int64_t> sources(static_cast<size_t>(mesh.devices()));
  for (const std::vector<int64_t> &group : mesh.groups(axes))
    for (auto [device, place] : llvm::zip(group, places)) sources[device] = group[place];
  return sources;
}

void changePlaces(Operation *gather, ArrayRef<int64_t> places, const SplitDim &split,
                  const Mesh &mesh) {
  auto op = cast<GatherOp>(gather);
  OpBuilder b(op);
  auto moved = spmd::PermuteOp::create(b, op.getLoc(), op.getType(), op.getOperand(),
                                       placeSources(places, split.axes, mesh), /*local=*/true);
  moved->setAttr(spmd::kReasonAttr, b.getStringAttr(kPlacesReason));
  op.replaceAllUsesWith(moved.getResult());
  op.erase();
}

void pickLocally(Operation *op, const SplitDim &split, const Mesh &mesh) {
  Picker(op, split, mesh).pick(*indicesOperand(op));
}

void drawLocally(Operation *op, const std::vector<int64_t> &shape, const Sharding &sharding,
                 const Mesh &mesh) {
  auto bits = cast<RandomBitsOp>(op);
  ImplicitLocOpBuilder b(op->getLoc(), op);
  LocalOps local(b, mesh);
  Type element = b.getIntegerType(llvm::product_of(shape) > INT32_MAX ? 64 : 32);
  Value positions;
  int64_t stride = 1;
  for (int64_t dim = shape.size(); dim-- > 0; stride *= shape[dim]) {
    auto line = RankedTensorType::get({bits.getType().getDimSize(dim)}, element);
    Value at = IotaOp::create(b, line.getShape(), 0, element);
    if (const std::vector<int> &axes = sharding.dims[dim]; !axes.empty()) {
      Value start = local.spanOf(shape[dim], axes).start;
      if (!element.isInteger(32)) start = ConvertOp::create(b, start, element);
      at = AddOp::create(b, at, local.spread(start, line.getShape()));
    }
    Attribute step = b.getIntegerAttr(element, stride);
    at = MulOp::create(b, at, ConstantOp::create(b, DenseElementsAttr::get(line, step)));
    at = BroadcastOp::create(b, at, bits.getType().getShape(), ArrayRef<int64_t>{dim});
    positions = positions ? AddOp::create(b, positions, at).getResult() : at;
  }
  bits.getPositionsMutable().assign(positions);
}

void countLocally(Operation *iota, const SplitDim &split, const Mesh &mesh) {
  Picker(iota, split, mesh).count(cast<IotaOp>(iota));
}

} // namespace weir::distributed
