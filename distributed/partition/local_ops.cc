// Compositions of ordinary ops around axis_index, so that kernels need to know nothing of meshes.
#include "distributed/partition/local_ops.h"

#include "distributed/partition/emit_steps.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

Value LocalOps::number(int32_t value) {
  auto type = RankedTensorType::get({}, b.getI32Type());
  return ConstantOp::create(b, DenseElementsAttr::get(type, value));
}

Value LocalOps::splat(RankedTensorType type, double value) {
  Type element = type.getElementType();
  Attribute scalar;
  if (isa<FloatType>(element))
    scalar = b.getFloatAttr(element, value);
  else
    scalar = IntegerAttr::get(element, APInt(element.getIntOrFloatBitWidth(),
                                             static_cast<uint64_t>(static_cast<int64_t>(value))));
  return ConstantOp::create(b, DenseElementsAttr::get(type, scalar));
}

Value LocalOps::identity(RankedTensorType type, Combiner combiner) {
  Type element = type.getElementType();
  if (combiner == Combiner::Sum) return splat(type, 0);
  if (combiner == Combiner::Prod) return splat(type, 1);
  bool isMax = combiner == Combiner::Max;
  Attribute extreme;
  if (auto real = dyn_cast<FloatType>(element)) {
    extreme = FloatAttr::get(real, APFloat::getInf(real.getFloatSemantics(), isMax));
  } else {
    unsigned width = element.getIntOrFloatBitWidth();
    bool isUnsigned = element.isUnsignedInteger() || width == 1;
    APInt least = isUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width),
          most = isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
    extreme = IntegerAttr::get(element, isMax ? least : most);
  }
  return ConstantOp::create(b, DenseElementsAttr::get(type, extreme));
}

Value LocalOps::spread(Value scalar, ArrayRef<int64_t> shape) {
  return BroadcastOp::create(b, scalar, shape, ArrayRef<int64_t>{});
}

Value LocalOps::scaled(Value scalar, int64_t by, int64_t plus) {
  if (by == 0) return number(static_cast<int32_t>(plus));
  if (by != 1) scalar = MulOp::create(b, scalar, number(static_cast<int32_t>(by)));
  if (plus != 0) scalar = AddOp::create(b, scalar, number(static_cast<int32_t>(plus)));
  return scalar;
}

Value LocalOps::position(const std::vector<int> &axes) {
  return spmd::AxisIndexOp::create(b, RankedTensorType::get({}, b.getI32Type()),
                                   axisNames(b, axes, mesh), b.getI64IntegerAttr(mesh.size(axes)));
}

Value LocalOps::resized(Value value, int64_t dim, int64_t size) {
  RankedTensorType type = typeOf(value);
  int64_t have = type.getDimSize(dim);
  SmallVector<int64_t> none(type.getRank(), 0), ones(type.getRank(), 1), other(none);
  if (size > have) {
    other[dim] = size - have;
    Value zero = splat(RankedTensorType::get({}, type.getElementType()), 0);
    return PadOp::create(b, value, zero, none, other, none);
  }
  if (size == have) return value;
  other.assign(type.getShape().begin(), type.getShape().end());
  other[dim] = size;
  return SliceOp::create(b, value, none, other, ones);
}

Value LocalOps::pieceOf(Value value, int64_t dim, int axis) {
  RankedTensorType type = typeOf(value);
  SmallVector<int64_t> sizes(type.getShape());
  sizes[dim] /= mesh.axes[axis].size;
  Value zero = number(0);
  SmallVector<Value> starts(type.getRank(), zero);
  starts[dim] = MulOp::create(b, position({axis}), number(sizes[dim]));
  return DynamicSliceOp::create(b, value, starts, sizes);
}

Value LocalOps::onFirst(Value value, const std::vector<int> &axes) {
  RankedTensorType type = typeOf(value);
  Value isFirst = CompareOp::create(b, position(axes), number(0), CompareDirection::eq);
  return SelectOp::create(b, spread(isFirst, type.getShape()), value, splat(type, 0));
}

LocalOps::Span LocalOps::spanOf(int64_t size, const std::vector<int> &axes) {
  if (const int64_t parts = mesh.size(axes); size % parts == 0)
    return {MulOp::create(b, position(axes), number(size / parts)), number(size / parts)};
  Value start = number(0), count = number(size);
  int64_t stored = size;
  for (int axis : axes) {
    int64_t parts = mesh.axes[axis].size;
    stored = (stored + parts - 1) / parts;
    Value before = MinOp::create(b, MulOp::create(b, position({axis}), number(stored)), count);
    start = AddOp::create(b, start, before);
    count = MinOp::create(b, number(stored), SubOp::create(b, count, before));
  }
  return {start, count};
}

Value LocalOps::masked(Value value, int64_t dim, int64_t size, const std::vector<int> &axes,
                       Combiner combiner) {
  RankedTensorType type = typeOf(value);
  int64_t local = type.getDimSize(dim);
  Value at = IotaOp::create(b, ArrayRef<int64_t>{local}, 0, b.getI32Type());
  Value isMine =
      CompareOp::create(b, at, spread(spanOf(size, axes).count, {local}), CompareDirection::lt);
  Value mask = BroadcastOp::create(b, isMine, type.getShape(), ArrayRef<int64_t>{dim});
  return SelectOp::create(b, mask, value, identity(type, combiner));
}

} // namespace weir::distributed
