// argmax and argmin: the first index of the largest (smallest) element along a dim; NaN wins over
// any number.
//
// [outer, dim, inner]: with inner elements, vectors run along them; else along dim, and lanes are
// compared at the end.
#include "codegen/lower/elementwise.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {
namespace {

struct Best {
  Value value, index;
};

class ArgKernel {
public:
  explicit ArgKernel(Frame &frame)
      : frame(frame), k(frame.k), op(frame.returned()[0].getDefiningOp()),
        beyond(isa<ir::ArgmaxOp>(op) ? "gt" : "lt"), space({}) {}
  LogicalResult lower();

private:
  Value isNaN(Value x) { return emitComparison(k, "ne", root->element, x, x); }
  Value precedes(const Best &a, const Best &b, bool breakTies);
  Best pick(Value condition, const Best &a, const Best &b);
  Best acrossLanes(Best best);
  void emitAlongInner();
  void emitAlongDim();

  Frame &frame;
  KernelBuilder &k;
  Operation *op;
  StringRef beyond; // How a better value compares with a worse one.
  IndexSpace space;
  std::optional<Emitter> emitter;
  const Node *root = nullptr;
  int64_t outer = 1, size = 1, inner = 1;
  Affine resultIndex;
};

/// Whether `a` wins over `b`; with `breakTies` the smaller index wins among equals.
Value ArgKernel::precedes(const Best &a, const Best &b, bool breakTies) {
  Value wins = emitComparison(k, beyond, root->element, a.value, b.value);
  Value equal = breakTies ? emitComparison(k, "eq", root->element, a.value, b.value) : Value();
  if (isa<FloatType>(KernelBuilder::elementOf(a.value))) {
    Value bNumber = emitComparison(k, "eq", root->element, b.value, b.value), aNaN = isNaN(a.value);
    wins = k.either(wins, k.both(aNaN, bNumber));
    if (breakTies) equal = k.either(equal, k.both(aNaN, isNaN(b.value)));
  }
  return breakTies ? k.either(wins, k.both(equal, k.lessThan(a.index, b.index))) : wins;
}

Best ArgKernel::pick(Value condition, const Best &a, const Best &b) {
  return {k.select(condition, a.value, b.value), k.select(condition, a.index, b.index)};
}

Best ArgKernel::acrossLanes(Best best) {
  for (int64_t half = KernelBuilder::lanesOf(best.value) / 2; half >= 1; half /= 2) {
    auto part = [&](Value vector, int64_t first) {
      if (half == 1) return k.extract(vector, first);
      return k.shuffle(vector, vector, llvm::to_vector(llvm::seq<int64_t>(first, first + half)));
    };
    Best low{part(best.value, 0), part(best.index, 0)},
        high{part(best.value, half), part(best.index, half)};
    best = pick(precedes(high, low, /*breakTies=*/true), high, low);
  }
  return best;
}

constexpr unsigned outerLoop = 0, dimLoop = 1, innerLoop = 2;

/// A loop over dim that carries the best of each lane of inner.
void ArgKernel::emitAlongInner() {
  TaskPlan plan = planTasks(frame.target, space, {outerLoop}, innerLoop, emitter->getLanes(),
                            /*splitVectorLoop=*/true);
  emitTasks(frame, *emitter, plan, innerLoop, [&](Value low, Value high) {
    emitVectors(frame, *emitter, innerLoop, low, high, inner, /*cheap=*/false, [&] {
      auto at = [&](Value counter) {
        emitter->bind(dimLoop, counter);
        return Best{emitter->vector(root),
                    k.splat(k.castInt(counter, k.b.getI32Type()), emitter->getLanes())};
      };
      emitter->open(k.scope());
      Best first = at(k.index(0));
      Operation *loop = k.loop(k.index(1), k.index(size), 1, {first.value, first.index});
      emitter->open(loop);
      auto carried = loop->getRegion(0).getArguments();
      Best next = at(carried[0]), best{carried[1], carried[2]};
      best = pick(precedes(next, best, /*breakTies=*/false), next, best);
      k.yield({best.value, best.index});
      emitter->close();
      k.store(loop->getResult(1), frame.results[0], emitter->flat(resultIndex), emitter->mask);
      k.yield({});
      emitter->close();
    });
  });
}

/// Lane l carries the best of elements l, l + lanes, ...
void ArgKernel::emitAlongDim() {
  int64_t lanes = emitter->getLanes();
  Type i32 = k.b.getI32Type();
  TaskPlan plan =
      planTasks(frame.target, space, {outerLoop}, dimLoop, lanes, /*splitVectorLoop=*/false);
  emitTasks(frame, *emitter, plan, dimLoop, [&](Value, Value) {
    auto at = [&](Value counter) {
      emitter->bind(dimLoop, counter);
      Value first = k.splat(k.castInt(counter, i32), lanes);
      return Best{emitter->vector(root),
                  lanes == 1 ? first : k.add(first, k.ramp(i32, 0, 1, lanes))};
    };
    emitter->open(k.scope());
    Best first = at(k.index(0));
    Operation *loop = k.loop(k.index(lanes), k.index(size), lanes, {first.value, first.index});
    emitter->open(loop);
    auto carried = loop->getRegion(0).getArguments();
    if (size % lanes) emitter->mask = k.firstLanes(k.sub(k.index(size), carried[0]), lanes);
    Best next = at(carried[0]), best{carried[1], carried[2]};
    best = pick(k.both(emitter->mask, precedes(next, best, /*breakTies=*/false)), next, best);
    emitter->mask = Value();
    k.yield({best.value, best.index});
    emitter->close();
    Best all = acrossLanes({loop->getResult(0), loop->getResult(1)});
    k.store(all.index, frame.results[0], emitter->flat(resultIndex), Value());
    k.yield({});
    emitter->close();
  });
}

LogicalResult ArgKernel::lower() {
  auto shape = cast<RankedTensorType>(op->getOperand(0).getType()).getShape();
  int64_t dim = op->getAttrOfType<IntegerAttr>("dim").getInt();
  for (auto [d, extent] : llvm::enumerate(shape))
    (int64_t(d) < dim ? outer : int64_t(d) == dim ? size : inner) *= extent;
  // Loops stay as they are: what the operand needs of dims is divided.
  space = IndexSpace({Loop{outer, 0, false}, Loop{size, 1, false}, Loop{inner, 2, false}});
  PointGraph graph(space);
  Affine rows = space.loop(outerLoop);
  resultIndex = rows * inner + space.loop(innerLoop);
  root = graph.at(op->getOperand(0),
                  (rows * size + space.loop(dimLoop)) * inner + space.loop(innerLoop));
  if (!root) return failure();
  graph.finish(&resultIndex);
  emitter.emplace(k, graph);
  frame.bindArguments(*emitter);
  unsigned along = inner > 1 ? innerLoop : dimLoop;
  int64_t lanes = chooseLanes(frame, graph, along, {root->element});
  if (inner == 1) lanes = std::min<int64_t>(lanes, llvm::bit_floor<uint64_t>(size));
  emitter->vectorize(along, lanes);
  emitter->bind(innerLoop, k.index(0));
  inner > 1 ? emitAlongInner() : emitAlongDim();
  return success();
}

} // namespace

LogicalResult lowerArgKernel(Frame &frame) {
  return ArgKernel(frame).lower();
}

} // namespace weir::codegen
