// What each op of the dialect means at one point: layout ops move the index, the others become
// nodes.
#include "codegen/lower/point_graph.h"

#include "ir/dialect/weir.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weir::codegen {

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}
static int64_t elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

Node *PointGraph::zero(Value value) {
  Node *node = make(Node::Splat, value);
  node->constant = Builder(value.getContext()).getZeroAttr(node->element);
  return node;
}

Node *PointGraph::build(Value value, Point &point, const Guard *guard) {
  if (elementsOf(value) == 0) return zero(value); // Never read, but named in loops of no trips.
  if (is_contained(externals, value) || isa<BlockArgument>(value)) {
    Node *node = make(is_contained(externals, value) ? Node::External : Node::Load, value);
    node->index = point.flat;
    node->guard = guard;
    return node;
  }
  Operation *op = value.getDefiningOp();
  if (op->hasTrait<OpTrait::Elementwise>()) return computed(op, point, guard);
  return TypeSwitch<Operation *, Node *>(op)
      .Case<ir::ReshapeOp>(
          [&](auto o) { return at(o.getOperand(), Point{point.flat, std::nullopt}, guard); })
      .Case<ir::BarrierOp>([&](auto o) {
        return at(o.getInputs()[cast<OpResult>(value).getResultNumber()], point, guard);
      })
      .Case<ir::BroadcastOp, ir::TransposeOp, ir::SliceOp, ir::ReverseOp>(
          [&](auto) { return mapped(op, point, guard); })
      .Case<ir::PadOp>([&](auto) { return padded(op, point, guard); })
      .Case<ir::UnfoldOp>([&](auto) { return unfolded(op, point, guard); })
      .Case<ir::ConcatenateOp>([&](auto) { return concatenated(op, point, guard); })
      .Case<ir::GatherOp>([&](auto) { return gathered(op, point, guard); })
      .Case<ir::DynamicSliceOp>([&](auto) { return sliced(op, point, guard); })
      .Case<ir::DynamicUpdateSliceOp>([&](auto) { return updated(op, point, guard); })
      .Case<ir::ConstantOp>([&](auto) { return dense(op, point, guard); })
      .Case<ir::RandomBitsOp>([&](auto) { return random(op, point, guard); })
      .Case<ir::IotaOp>([&](ir::IotaOp iota) {
        Affine index = dimsOf(value, point)[iota.getDim()];
        Node *node = make(Node::Counter, value);
        node->index = index;
        return node;
      })
      .Case<ir::UndefOp>([&](auto) { return zero(value); })
      .Default([&](Operation *) -> Node * {
        if (reduced && op->getNumOperands() == 1 && op->hasAttr("dims"))
          return reduction(op, point);
        op->emitError()
            << "has no lowering at a point; add one to codegen/lower/point_ops.cc or op_kernel.cc";
        return nullptr;
      });
}

Node *PointGraph::computed(Operation *op, Point &point, const Guard *guard) {
  SmallVector<Node *, 3> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(at(operand, point, guard));
    if (!operands.back()) return nullptr;
  }
  Node *node = make(Node::Compute, op->getResult(0));
  node->operands = std::move(operands);
  return node;
}

/// Ops whose IterationSpace gives every operand dim affine in the result's dims.
Node *PointGraph::mapped(Operation *op, Point &point, const Guard *guard) {
  Value operand = op->getOperand(0);
  if (elementsOf(operand) == 1) return at(operand, Point{space.constant(0), std::nullopt}, guard);
  FailureOr<ir::IterationSpace> map = cast<ir::IterationSpaceOp>(op).iterationSpace();
  if (failed(map)) return nullptr;
  ArrayRef<Affine> dims = dimsOf(op->getResult(0), point);
  SmallVector<Affine> counters(map->loops.size());
  for (auto [dim, result] : llvm::zip(dims, map->results[0]))
    if (result.kind == ir::DimMap::Along) counters[result.loops[0]] = dim;
  SmallVector<Affine> picked;
  for (const ir::DimMap &dim : map->operands[0]) {
    Affine index = space.constant(dim.offset);
    if (dim.kind == ir::DimMap::Along) index = counters[dim.loops[0]];
    for (const ir::AffineTerm &term : dim.terms) index = index + counters[term.loop] * term.stride;
    picked.push_back(std::move(index));
  }
  return at(operand, pointOf(operand, std::move(picked)), guard);
}

Node *PointGraph::padded(Operation *op, Point &point, const Guard *guard) {
  auto pad = cast<ir::PadOp>(op);
  ArrayRef<Affine> dims = dimsOf(pad.getResult(), point);
  SmallVector<Condition> conditions;
  SmallVector<Affine> inner;
  for (auto [d, size] : llvm::enumerate(shapeOf(pad.getOperand()))) {
    int64_t step = pad.getInterior()[d] + 1;
    Affine shifted = dims[d] + -pad.getLow()[d];
    conditions.push_back({shifted, 0, (size - 1) * step});
    auto [index, rest] = space.divide(shifted, step);
    if (step > 1) conditions.push_back({rest, 0, 0});
    inner.push_back(index);
  }
  auto then = [&](const Guard *g) {
    return at(pad.getOperand(), pointOf(pad.getOperand(), inner), g);
  };
  auto otherwise = [&] {
    return at(pad.getValue(), Point{space.constant(0), std::nullopt}, guard);
  };
  return choose(pad.getResult(), conditions, then, otherwise, guard);
}

Node *PointGraph::unfolded(Operation *op, Point &point, const Guard *guard) {
  auto unfold = cast<ir::UnfoldOp>(op);
  ArrayRef<int64_t> shape = shapeOf(unfold.getOperand());
  ArrayRef<Affine> dims = dimsOf(unfold.getResult(), point), window = dims.drop_front(shape.size());
  SmallVector<Affine> inner(dims.take_front(shape.size()));
  SmallVector<Condition> conditions;
  for (auto [i, d] : llvm::enumerate(unfold.getDims())) {
    inner[d] = inner[d] * unfold.getStrides()[i] + window[i] * unfold.getDilations()[i] +
               -unfold.getLow()[i];
    conditions.push_back({inner[d], 0, shape[d] - 1});
  }
  auto then = [&](const Guard *g) {
    return at(unfold.getOperand(), pointOf(unfold.getOperand(), inner), g);
  };
  auto otherwise = [&] {
    return at(unfold.getValue(), Point{space.constant(0), std::nullopt}, guard);
  };
  return choose(unfold.getResult(), conditions, then, otherwise, guard);
}

/// What the window element at flat index `window` adds to the result at `point`.
Node *PointGraph::folded(Operation *op, Point &point, const Affine &window) {
  auto fold = cast<ir::FoldOp>(op);
  ArrayRef<int64_t> shape = shapeOf(fold.getOperand());
  SmallVector<Affine> dims(dimsOf(fold.getResult(), point));
  SmallVector<Affine> steps = space.delinearize(window, shape.drop_front(dims.size()));
  SmallVector<Condition> conditions;
  for (auto [i, d] : llvm::enumerate(fold.getDims())) {
    int64_t stride = fold.getStrides()[i];
    Affine shifted = dims[d] + steps[i] * -fold.getDilations()[i] + fold.getLow()[i];
    conditions.push_back({shifted, 0, (shape[d] - 1) * stride});
    auto [index, rest] = space.divide(shifted, stride);
    if (stride > 1) conditions.push_back({rest, 0, 0});
    dims[d] = index;
  }
  llvm::append_range(dims, steps);
  auto then = [&](const Guard *g) {
    return at(fold.getOperand(), pointOf(fold.getOperand(), dims), g);
  };
  return choose(
      op->getResult(0), conditions, then, [&] { return zero(op->getResult(0)); }, nullptr);
}

Node *PointGraph::concatenated(Operation *op, Point &point, const Guard *guard) {
  auto concatenate = cast<ir::ConcatenateOp>(op);
  SmallVector<Affine> dims(dimsOf(op->getResult(0), point));
  unsigned dim = concatenate.getDim();
  SmallVector<int64_t> starts; // Of each operand, then the end.
  int64_t start = 0;
  for (Value input : concatenate.getInputs()) {
    starts.push_back(start);
    start += shapeOf(input)[dim];
  }
  starts.push_back(start);
  std::function<Node *(unsigned)> from = [&](unsigned i) -> Node * {
    // Low bounds hold for the choice by then, but the loads need them too.
    auto then = [&](const Guard *g) {
      SmallVector<Affine> shifted(dims);
      shifted[dim] = dims[dim] + -starts[i];
      return at(concatenate.getInputs()[i], pointOf(concatenate.getInputs()[i], shifted), g);
    };
    if (i + 1 == concatenate.getInputs().size())
      return then(under(guard, {dims[dim], starts[i], starts[i + 1] - 1}));
    Condition mine{dims[dim], starts[i], starts[i + 1] - 1};
    return choose(op->getResult(0), mine, then, [&] { return from(i + 1); }, guard);
  };
  return from(0);
}

Node *PointGraph::gathered(Operation *op, Point &point, const Guard *guard) {
  auto gather = cast<ir::GatherOp>(op);
  ArrayRef<Affine> dims = dimsOf(gather.getResult(), point);
  int64_t dim = gather.getDim(), batch = gather.getBatchDims();
  int64_t picked = shapeOf(gather.getIndices()).size() - batch;
  SmallVector<Affine> where(dims.take_front(batch));
  llvm::append_range(where, dims.slice(dim, picked));
  Node *index = at(gather.getIndices(), pointOf(gather.getIndices(), where), guard);
  if (!index) return nullptr;
  SmallVector<Affine> source(dims.take_front(dim));
  source.push_back(
      space.element(index, std::max<int64_t>(shapeOf(gather.getOperand())[dim] - 1, 0)));
  llvm::append_range(source, dims.drop_front(dim + picked));
  return at(gather.getOperand(), pointOf(gather.getOperand(), source), guard);
}

Node *PointGraph::sliced(Operation *op, Point &point, const Guard *guard) {
  auto slice = cast<ir::DynamicSliceOp>(op);
  SmallVector<Affine> dims(dimsOf(slice.getResult(), point));
  for (auto [d, start] : llvm::enumerate(slice.getStarts())) {
    int64_t room = shapeOf(slice.getOperand())[d] - slice.getSizes()[d];
    if (room == 0) continue;
    Node *index = at(start, Point{space.constant(0), std::nullopt}, guard);
    if (!index) return nullptr;
    dims[d] = dims[d] + space.element(index, room);
  }
  return at(slice.getOperand(), pointOf(slice.getOperand(), dims), guard);
}

Node *PointGraph::updated(Operation *op, Point &point, const Guard *guard) {
  auto update = cast<ir::DynamicUpdateSliceOp>(op);
  SmallVector<Affine> dims(dimsOf(op->getResult(0), point));
  SmallVector<Condition> conditions;
  for (auto [d, start] : llvm::enumerate(update.getStarts())) {
    int64_t size = shapeOf(update.getUpdate())[d], room = shapeOf(update.getOperand())[d] - size;
    if (room == 0) continue;
    Node *index = at(start, Point{space.constant(0), std::nullopt}, guard);
    if (!index) return nullptr;
    dims[d] = dims[d] + space.element(index, room) * -1;
    conditions.push_back({dims[d], 0, size - 1});
  }
  auto then = [&](const Guard *g) {
    return at(update.getUpdate(), pointOf(update.getUpdate(), dims), g);
  };
  return choose(
      op->getResult(0), conditions, then, [&] { return at(update.getOperand(), point, guard); },
      guard);
}

/// Constants inside kernels are splats or a few elements (a random key); large ones are arguments.
Node *PointGraph::dense(Operation *op, Point &point, const Guard *guard) {
  Value value = op->getResult(0);
  auto elements = dyn_cast<DenseElementsAttr>(cast<ir::ConstantOp>(op).getValue());
  constexpr int64_t mostInside = 64;
  if (!elements || (!elements.isSplat() && elements.getNumElements() > mostInside)) {
    op->emitError() << "a constant inside a kernel must be a splat or small";
    return nullptr;
  }
  auto splat = [&](Attribute element) {
    Node *node = make(Node::Splat, value);
    node->constant = element;
    return node;
  };
  if (elements.isSplat()) return splat(elements.getSplatValue<Attribute>());
  SmallVector<Attribute> all(elements.getValues<Attribute>());
  if (all.empty()) return zero(value);
  std::function<Node *(int64_t)> from = [&](int64_t i) {
    if (i + 1 == int64_t(all.size())) return splat(all[i]);
    auto then = [&](const Guard *) { return splat(all[i]); };
    return choose(value, Condition{point.flat, i, i}, then, [&] { return from(i + 1); }, guard);
  };
  return from(0);
}

Node *PointGraph::random(Operation *op, Point &point, const Guard *guard) {
  auto bits = cast<ir::RandomBitsOp>(op);
  Value key = bits.getKey();
  Node *low = at(key, Point{space.constant(0), std::nullopt}, guard);
  Node *high = at(key, Point{space.constant(1), std::nullopt}, guard);
  Node *position = bits.getPositions() ? at(bits.getPositions(), point, guard) : nullptr;
  if (!low || !high || (bits.getPositions() && !position)) return nullptr;
  Node *node = make(Node::Random, op->getResult(0));
  node->index = point.flat;
  node->operands = {low, high};
  if (position) node->operands.push_back(position);
  return node;
}

Node *PointGraph::reduction(Operation *op, Point &point) {
  auto [first, last] = space.loopsOf(reduced->group);
  Affine counter;
  for (unsigned i = first; i < last; ++i)
    counter = counter * space.getLoops()[i].size + space.loop(i);
  Affine inner = reduced->trailing ? point.flat * reduced->extent + counter
                                   : counter * elementsOf(op->getResult(0)) + point.flat;
  Node *operand = isa<ir::FoldOp>(op) ? folded(op, point, counter)
                                      : at(op->getOperand(0), Point{inner, std::nullopt}, nullptr);
  if (!operand) return nullptr;
  Node *node = make(Node::Reduce, op->getResult(0));
  node->operands = {operand};
  return node;
}

} // namespace weir::codegen
