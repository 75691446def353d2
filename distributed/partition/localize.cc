// Global shapes become those of one device. Dims that are not cut evenly are stored padded; where
// a reduction would read the padding it is masked. Gathers give whole outer pieces, so what is
// padding between inner pieces is cut off.
#include "distributed/partition/emit_steps.h"
#include "distributed/partition/exchange_halos.h"
#include "distributed/partition/local_ops.h"
#include "distributed/partition/partition.h"
#include "distributed/partition/pick_locally.h"
#include "distributed/propagate/rule.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "llvm/ADT/TypeSwitch.h"

#include <functional>

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

/// A reduction that reads padding.
struct Mask {
  OpOperand *use;
  int64_t dim;
  int64_t size;
  std::vector<int> axes;
  Combiner combiner;
};

class Localizer {
public:
  Localizer(func::FuncOp function, const Mesh &mesh, llvm::DenseMap<Value, Sharding> shardings,
            int64_t pieces)
      : function(function), mesh(mesh), shardings(std::move(shardings)), pieces(pieces) {}

  void run() {
    for (auto &entry : shardings) globalShapes[entry.first] = shapeOf(entry.first);
    keepShapes();
    function.getBody().walk([&](Operation *op) {
      findMasks(op);
      findPositional(op);
      ops.push_back(op);
    });
    for (auto &entry : shardings) {
      Value value = entry.first;
      auto type = cast<RankedTensorType>(value.getType());
      std::vector<int64_t> shape = localShape(globalShapes[value], entry.second, mesh);
      for (auto [size, axes] : llvm::zip(shape, entry.second.dims))
        if (!axes.empty()) size *= pieces;
      value.setType(type.clone(shape));
    }
    for (Operation *op : ops) fitAttributes(op);
    for (const Mask &mask : masks) insert(mask);
    for (Operation *op : ops) expand(op);
    for (const auto &makeLocal : positional) makeLocal();
    function.setType(FunctionType::get(function.getContext(), function.front().getArgumentTypes(),
                                       function.front().getTerminator()->getOperandTypes()));
  }

private:
  /// Arguments and results say their global shapes, for those who cut and join their values.
  void keepShapes() {
    OpBuilder b(function.getContext());
    for (auto [i, argument] : llvm::enumerate(function.getArguments()))
      function.setArgAttr(i, spmd::kShapeAttr, b.getDenseI64ArrayAttr(shapeOf(argument)));
    for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands()))
      function.setResultAttr(i, spmd::kShapeAttr, b.getDenseI64ArrayAttr(shapeOf(value)));
  }

  bool isEven(int64_t size, const std::vector<int> &axes) const {
    return size % mesh.size(axes) == 0;
  }

  void findMasks(Operation *op) {
    if (op->getNumRegions() > 0 || op->hasTrait<OpTrait::IsTerminator>() ||
        isa<spmd::SpmdDialect>(op->getDialect()))
      return;
    OpRule rule = ruleOf(op);
    for (OpOperand &use : op->getOpOperands()) {
      const Sharding &sharding = shardings.find(use.get())->second;
      for (auto [dim, factor] : llvm::enumerate(rule.operands[use.getOperandNumber()])) {
        if (factor < 0 || rule.factors[factor].kind == LoopKind::Parallel) continue;
        if (rule.factors[factor].isPositional && indicesOperand(op)) continue; // looks at its own
        // What a window reads of padding is replaced when halos are exchanged.
        if (llvm::any_of(rule.factors[factor].halos, [&, dim = static_cast<int64_t>(dim)](auto &h) {
              return h.operand == use.getOperandNumber() && h.dim == dim;
            }))
          continue;
        int64_t size = rule.factors[factor].size;
        bool isValue = elementOf(use.get()) == elementOf(op->getResult(0));
        if (isValue && !isEven(size, sharding.dims[dim]))
          masks.push_back({&use, static_cast<int64_t>(dim), size, sharding.dims[dim],
                           *combinerOf(rule.factors[factor].kind)});
      }
    }
  }

  /// Ops that compute something else on each device: their bodies change once all is local.
  void findPositional(Operation *op) {
    if (op->getNumRegions() > 0 || op->hasTrait<OpTrait::IsTerminator>()) return;
    const OpRule rule = ruleOf(op);
    for (const Factor &factor : rule.factors)
      for (const Halo &halo : factor.halos)
        if (auto axes = splitOf(op->getOperand(halo.operand), halo.dim); !axes.empty())
          positional.push_back([this, op, halo, axes] { exchangeHalo(op, halo, axes, mesh); });
    const bool isMade = isa<IotaOp, RandomBitsOp>(op);
    if (!isMade && !indicesOperand(op)) return;
    const Value value = isMade ? op->getResult(0) : op->getOperand(0);
    const Sharding &sharding = shardings.find(value)->second;
    auto isSplit = [](const auto &axes) { return !axes.empty(); };
    if (isa<RandomBitsOp>(op) && llvm::any_of(sharding.dims, isSplit)) {
      positional.push_back(
          [this, op, shape = shapeOf(value), sharding] { drawLocally(op, shape, sharding, mesh); });
      return;
    }
    for (auto [dim, factor] : llvm::enumerate(isMade ? rule.results[0] : rule.operands[0])) {
      if (factor < 0 || !rule.factors[factor].isPositional || sharding.dims[dim].empty()) continue;
      const SplitDim split{rule.factors[factor].size, sharding.dims[dim]};
      const auto places = permutationOf(op);
      positional.push_back([this, op, split, isMade, places] {
        if (places) return changePlaces(op, *places, split, mesh);
        isMade ? countLocally(op, split, mesh) : pickLocally(op, split, mesh);
      });
    }
  }

  void insert(const Mask &mask) {
    ImplicitLocOpBuilder b(mask.use->getOwner()->getLoc(), mask.use->getOwner());
    mask.use->set(
        LocalOps(b, mesh).masked(mask.use->get(), mask.dim, mask.size, mask.axes, mask.combiner));
  }

  /// Attributes that say sizes.
  void fitAttributes(Operation *op) {
    if (op->getNumResults() == 0) return;
    std::vector<int64_t> shape = shapeOf(op->getResult(0));
    llvm::TypeSwitch<Operation *>(op)
        .Case<BroadcastOp, ReshapeOp, UndefOp, IotaOp, RandomBitsOp>(
            [&](auto o) { o.setShape(shape); })
        .Case([&](DynamicSliceOp o) { o.setSizes(shape); })
        .Case([&](ConstantOp o) {
          auto elements = dyn_cast<DenseElementsAttr>(o.getValue());
          if (elements && elements.isSplat())
            o.setValueAttr(elements.resizeSplat(cast<ShapedType>(o.getType())));
        })
        .Case([&](SliceOp o) {
          SmallVector<int64_t> limits(o.getLimits());
          const Sharding &sharding = shardings.find(o.getOperand())->second;
          for (auto [dim, axes] : llvm::enumerate(sharding.dims))
            if (!axes.empty()) limits[dim] = shape[dim];
          o.setLimits(limits);
        });
    op->removeAttr(spmd::kShardingsAttr);
    op->removeAttr(spmd::kRegionShardingsAttr);
  }

  // ---- Collectives ----

  std::vector<int> axesOf(ArrayAttr names) const {
    std::vector<int> axes;
    for (auto name : names.getAsRange<StringAttr>())
      axes.push_back(*mesh.find(std::string_view(name.getValue())));
    return axes;
  }

  void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }

  void expand(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    llvm::TypeSwitch<Operation *>(op)
        .Case<spmd::AllReduceOp, spmd::PermuteOp>([](auto o) { o.setLocal(true); })
        .Case([&](spmd::AllGatherOp o) { replace(o, gathered(b, o)); })
        .Case([&](spmd::ReduceScatterOp o) { replace(o, scattered(b, o)); })
        .Case([&](spmd::AllToAllOp o) { replace(o, exchanged(b, o)); })
        .Case([&](spmd::SplitOp o) { replace(o, cut(b, o)); })
        .Case([&](spmd::AsPartialOp o) {
          replace(o, LocalOps(b, mesh).onFirst(o.getOperand(), axesOf(o.getAxes())));
        });
  }

  static RankedTensorType withSize(Value value, int64_t dim, int64_t size) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[dim] = size;
    return type.clone(shape);
  }

  // Pieces are nested, so where they are not equal padding lies between outer ones: then axes go
  // one after the other.

  Value gatherOver(ImplicitLocOpBuilder &b, Value value, spmd::AllGatherOp op,
                   const std::vector<int> &axes) const {
    int64_t dim = op.getDim(), parts = mesh.size(axes), size = shapeOf(value)[dim] * parts;
    auto made = spmd::AllGatherOp::create(b, withSize(value, dim, size), value, op.getDimAttr(),
                                          axisNames(b, axes, mesh), b.getI64IntegerAttr(parts),
                                          b.getUnitAttr());
    return keepNotes(made, op);
  }

  Value gathered(ImplicitLocOpBuilder &b, spmd::AllGatherOp op) const {
    Value value = op.getOperand();
    int64_t dim = op.getDim(), size = sizeOf(op, dim);
    std::vector<int> axes = axesOf(op.getAxes()), left = splitOf(op.getResult(), dim);
    if (shapeOf(value)[dim] * mesh.size(axes) == localSize(size, left, mesh))
      return gatherOver(b, value, op, axes);
    left.insert(left.end(), axes.begin(), axes.end());
    for (int axis : llvm::reverse(axes)) {
      left.pop_back();
      value = gatherOver(b, value, op, {axis});
      value = LocalOps(b, mesh).resized(value, dim, localSize(size, left, mesh));
    }
    return value;
  }

  Value scatterOver(ImplicitLocOpBuilder &b, Value value, spmd::ReduceScatterOp op,
                    const std::vector<int> &axes) const {
    int64_t dim = op.getDim(), parts = mesh.size(axes), piece = shapeOf(value)[dim] / parts;
    auto made = spmd::ReduceScatterOp::create(
        b, withSize(value, dim, piece), value, op.getCombinerAttr(), op.getDimAttr(),
        axisNames(b, axes, mesh), b.getI64IntegerAttr(parts), b.getUnitAttr());
    return keepNotes(made, op);
  }

  Value scattered(ImplicitLocOpBuilder &b, spmd::ReduceScatterOp op) const {
    Value value = op.getOperand();
    int64_t dim = op.getDim();
    std::vector<int> axes = axesOf(op.getAxes());
    if (shapeOf(value)[dim] % mesh.size(axes) == 0) return scatterOver(b, value, op, axes);
    for (int axis : axes) {
      int64_t parts = mesh.axes[axis].size, piece = (shapeOf(value)[dim] + parts - 1) / parts;
      value = LocalOps(b, mesh).resized(value, dim, piece * parts);
      value = scatterOver(b, value, op, {axis});
    }
    return value;
  }

  Value cut(ImplicitLocOpBuilder &b, spmd::SplitOp op) {
    Value value = op.getOperand();
    int64_t dim = op.getDim();
    for (int axis : axesOf(op.getAxes())) {
      int64_t parts = mesh.axes[axis].size, piece = (shapeOf(value)[dim] + parts - 1) / parts;
      LocalOps local(b, mesh);
      value = local.pieceOf(local.resized(value, dim, piece * parts), dim, axis);
    }
    return value;
  }

  Value exchanged(ImplicitLocOpBuilder &b, spmd::AllToAllOp op) {
    int64_t split = op.getSplitDim(), concat = op.getConcatDim(), parts = op.getParts();
    Value value = op.getOperand();
    int64_t piece = (shapeOf(value)[split] + parts - 1) / parts;
    LocalOps local(b, mesh);
    value = local.resized(value, split, piece * parts);
    int64_t joined = shapeOf(value)[concat] * parts;
    Type type = withSize(value, split, piece);
    type = cast<RankedTensorType>(type).clone([&] {
      SmallVector<int64_t> shape(cast<RankedTensorType>(type).getShape());
      shape[concat] = joined;
      return shape;
    }());
    value = keepNotes(spmd::AllToAllOp::create(b, type, value, op.getSplitDimAttr(),
                                               op.getConcatDimAttr(), op.getAxesAttr(),
                                               op.getPartsAttr(), b.getUnitAttr()),
                      op);
    return local.resized(value, concat, shapeOf(op.getResult())[concat]);
  }

  std::vector<int> splitOf(Value value, int64_t dim) const {
    return shardings.find(value)->second.dims[dim];
  }
  int64_t sizeOf(Operation *op, int64_t dim) const {
    return globalShapes.find(op->getResult(0))->second[dim];
  }

  func::FuncOp function;
  const Mesh &mesh;
  llvm::DenseMap<Value, Sharding> shardings;
  int64_t pieces;
  llvm::DenseMap<Value, std::vector<int64_t>> globalShapes;
  std::vector<Operation *> ops;
  std::vector<Mask> masks;
  std::vector<std::function<void()>> positional;
};

} // namespace

LogicalResult localize(func::FuncOp function, int64_t pieces) {
  FailureOr<Mesh> mesh = meshOf(function);
  if (failed(mesh)) return failure();
  auto shardings = readShardings(function, *mesh);
  if (failed(shardings)) return failure();
  Localizer(function, *mesh, *std::move(shardings), pieces).run();
  return success();
}

} // namespace weir::distributed
