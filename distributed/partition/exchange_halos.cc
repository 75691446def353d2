// A permute for each side that is needed, then a window of all of it. What lies beyond the ends of
// the dim, padding of uneven pieces included, becomes the value that the op reads there, so the op
// itself pads no more.
#include "distributed/partition/exchange_halos.h"

#include "distributed/partition/local_ops.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

class Exchanger {
public:
  Exchanger(Operation *op, const Halo &halo, const std::vector<int> &axes, const Mesh &mesh)
      : op(op), halo(halo), axes(axes), mesh(mesh), here(*halo.local(axes, mesh)),
        b(op->getLoc(), op), local(b, mesh) {}

  void run() {
    Value value = op->getOperand(halo.operand);
    SmallVector<Value> parts;
    if (here.left) parts.push_back(neighbours(value, here.held - here.left, here.left, -1));
    parts.push_back(value);
    if (here.right) parts.push_back(neighbours(value, 0, here.right, 1));
    if (parts.size() > 1) value = ConcatenateOp::create(b, parts, halo.dim);
    op->setOperand(halo.operand, inRange(windowOf(value)));
    fitOp();
  }

private:
  static SmallVector<int64_t> shapeOf(Value value) {
    return SmallVector<int64_t>(cast<RankedTensorType>(value.getType()).getShape());
  }

  /// Elements [start, start + size) of the piece of the device before (-1) or behind (1).
  Value neighbours(Value value, int64_t start, int64_t size, int64_t distance) {
    SmallVector<int64_t> limits = shapeOf(value), starts(limits.size(), 0),
                         strides(limits.size(), 1);
    starts[halo.dim] = start;
    limits[halo.dim] = start + size;
    Value edge = SliceOp::create(b, value, starts, limits, strides);
    auto moved = spmd::PermuteOp::create(b, edge.getType(), edge,
                                         neighbourSources(axes, mesh, distance), /*local=*/true);
    moved->setAttr(spmd::kReasonAttr, b.getStringAttr(haloReason(op)));
    return moved;
  }

  Value windowOf(Value value) {
    SmallVector<int64_t> sizes = shapeOf(value);
    if (sizes[halo.dim] == here.width) return value;
    sizes[halo.dim] = here.width;
    Value start = local.scaled(local.position(axes), here.step - here.held, here.first + here.left);
    SmallVector<Value> starts(sizes.size(), local.number(0));
    starts[halo.dim] = start;
    return DynamicSliceOp::create(b, value, starts, sizes);
  }

  /// What is beyond the ends becomes the op's padding.
  Value inRange(Value value) {
    const int64_t parts = mesh.size(axes), last = (parts - 1) * here.step + here.first + here.width;
    if (here.first >= 0 && last <= halo.size) return value;
    const SmallVector<int64_t> shape = shapeOf(value);
    Value at = IotaOp::create(b, ArrayRef<int64_t>{here.width}, 0, b.getI32Type());
    Value start = local.scaled(local.position(axes), here.step, here.first);
    at = AddOp::create(b, at, local.spread(start, {here.width}));
    auto than = [&](int64_t bound, CompareDirection direction) {
      return CompareOp::create(b, at, local.spread(local.number(bound), {here.width}), direction);
    };
    Value isIn =
        AndOp::create(b, than(0, CompareDirection::ge), than(halo.size, CompareDirection::lt));
    Value mask = BroadcastOp::create(b, isIn, shape, ArrayRef<int64_t>{halo.dim});
    auto unfold = dyn_cast<UnfoldOp>(op);
    Value outside = unfold ? local.spread(unfold.getValue(), shape)
                           : local.splat(cast<RankedTensorType>(value.getType()), 0);
    return SelectOp::create(b, mask, value, outside);
  }

  static void set(ArrayRef<int64_t> list, int64_t at, int64_t value,
                  llvm::function_ref<void(ArrayRef<int64_t>)> setter) {
    SmallVector<int64_t> changed(list);
    changed[at] = value;
    setter(changed);
  }

  /// Windows start at here.offset of what is read, and there are as many of them as the device has.
  void fitOp() {
    const int64_t span = (here.trips - 1) * halo.stride + halo.high - halo.low + 1,
                  dilated = (here.width - 1) * halo.divisor + 1,
                  high = span + here.offset - dilated;
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](ConvolutionOp o) {
          const int64_t d = halo.dim - 3;
          set(o.getLow(), d, -here.offset, [&](auto list) { o.setLow(list); });
          set(o.getHigh(), d, high, [&](auto list) { o.setHigh(list); });
        })
        .Case([&](UnfoldOp o) {
          const int64_t d = llvm::find(o.getDims(), halo.dim) - o.getDims().begin();
          set(o.getLow(), d, -here.offset, [&](auto list) { o.setLow(list); });
          set(o.getHigh(), d, high, [&](auto list) { o.setHigh(list); });
        })
        .Case([&](FoldOp o) {
          const int64_t d = llvm::find(o.getDims(), halo.dim) - o.getDims().begin();
          set(o.getLow(), d, here.offset, [&](auto list) { o.setLow(list); });
          set(o.getSizes(), d, here.trips, [&](auto list) { o.setSizes(list); });
        })
        .Case([&](SliceOp o) {
          set(o.getStarts(), halo.dim, here.offset, [&](auto list) { o.setStarts(list); });
          set(o.getLimits(), halo.dim, here.offset + (here.trips - 1) * halo.stride + 1,
              [&](auto list) { o.setLimits(list); });
        });
  }

  Operation *op;
  const Halo &halo;
  const std::vector<int> &axes;
  const Mesh &mesh;
  Halo::Local here;
  ImplicitLocOpBuilder b;
  LocalOps local;
};

} // namespace

SmallVector<int64_t> neighbourSources(const std::vector<int> &axes, const Mesh &mesh,
                                      int64_t distance) {
  SmallVector<int64_t> sources(static_cast<size_t>(mesh.devices()));
  for (const std::vector<int64_t> &group : mesh.groups(axes)) {
    const int64_t count = group.size();
    for (int64_t i = 0; i < count; ++i) sources[group[i]] = group[(i + distance + count) % count];
  }
  return sources;
}

std::string haloReason(Operation *op) {
  return (op->getName().stripDialect() + " reads beyond its piece").str();
}

void exchangeHalo(Operation *op, const Halo &halo, const std::vector<int> &axes, const Mesh &mesh) {
  Exchanger(op, halo, axes, mesh).run();
}

} // namespace weir::distributed
