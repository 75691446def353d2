// cumulative_* and linear_recurrence: one step after another along a dim, in the order that the
// numeric contract fixes.
//
// [outer, dim, inner]: with inner elements, vectors run along them and carry the state through the
// dim; else each row is a chain of scalars.
#include "codegen/lower/elementwise.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {
namespace {

constexpr unsigned outerLoop = 0, dimLoop = 1, innerLoop = 2;

class CumulativeKernel {
public:
  explicit CumulativeKernel(Frame &frame)
      : frame(frame), k(frame.k), op(frame.returned()[0].getDefiningOp()), space({}) {}
  LogicalResult lower();

private:
  LogicalResult build();
  void emitChain();
  Value bindStep(Value counter);
  Value next(Value state);
  Value logAddExp(Value a, Value b);

  Frame &frame;
  KernelBuilder &k;
  Operation *op;
  IndexSpace space;
  std::optional<PointGraph> graph;
  std::optional<Emitter> emitter;
  SmallVector<const Node *> operands;
  int64_t outer = 1, size = 1, inner = 1;
  Affine index;
};

LogicalResult CumulativeKernel::build() {
  auto shape = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  int64_t dim = op->getAttrOfType<IntegerAttr>("dim").getInt();
  for (auto [d, extent] : llvm::enumerate(shape))
    (int64_t(d) < dim ? outer : int64_t(d) == dim ? size : inner) *= extent;
  // Loops stay as they are: what the operands need of dims is divided.
  space = IndexSpace({Loop{outer, 0, false}, Loop{size, 1, false}, Loop{inner, 2, false}});
  graph.emplace(space);
  index = (space.loop(outerLoop) * size + space.loop(dimLoop)) * inner + space.loop(innerLoop);
  for (Value operand : op->getOperands()) {
    operands.push_back(graph->at(operand, index));
    if (!operands.back()) return failure();
  }
  graph->finish(&index);
  return success();
}

/// Makes step `counter` of the chain the current one.
Value CumulativeKernel::bindStep(Value counter) {
  bool reverse = op->getAttrOfType<BoolAttr>("reverse").getValue();
  Value at = reverse ? k.sub(k.index(size - 1), counter) : counter;
  emitter->bind(dimLoop, at);
  return at;
}

/// log(exp(a) + exp(b)); equal infinities are no difference.
Value CumulativeKernel::logAddExp(Value a, Value b) {
  Type element = operands[0]->element;
  auto named = [&](StringRef name, ValueRange x) { return emitNamed(k, name, element, x); };
  Value high = named("max", {a, b}), low = named("min", {a, b});
  Value zero = k.constant(cast<TypedAttr>(k.b.getZeroAttr(KernelBuilder::elementOf(a))),
                          KernelBuilder::lanesOf(a));
  Value distance = named("sub", {low, high});
  distance = k.select(emitComparison(k, "eq", element, a, b), zero, distance);
  return named("add", {high, named("log1p", named("exp", distance))});
}

/// The state after the current step, which for f16 and bf16 is f32 and rounded where it is stored;
/// null stands for the state before the first.
Value CumulativeKernel::next(Value state) {
  auto at = [&](unsigned i) {
    return emitter->getLanes() == 1 ? emitter->value(operands[i]) : emitter->vector(operands[i]);
  };
  Value x = at(0);
  if (isa<ir::LinearRecurrenceOp>(op)) {
    Value b = at(1);
    Value zero = k.constant(cast<TypedAttr>(k.b.getZeroAttr(KernelBuilder::elementOf(b))),
                            KernelBuilder::lanesOf(b));
    return k.multiplyAdd(x, state ? state : zero, b);
  }
  if (!state) return x;
  if (isa<ir::CumulativeLogsumexpOp>(op)) return logAddExp(state, x);
  StringRef name = isa<ir::CumulativeSumOp>(op)    ? "add"
                   : isa<ir::CumulativeProdOp>(op) ? "mul"
                   : isa<ir::CumulativeMaxOp>(op)  ? "max"
                                                   : "min";
  return emitNamed(k, name, operands[0]->element, {state, x});
}

void CumulativeKernel::emitChain() {
  auto store = [&](Value state) {
    k.store(state, frame.results[0], emitter->flat(index), emitter->mask);
  };
  emitter->open(k.scope());
  bindStep(k.index(0));
  Value first = next(Value());
  store(first);
  Operation *loop = k.loop(k.index(1), k.index(size), 1, {first});
  emitter->open(loop);
  auto carried = loop->getRegion(0).getArguments();
  bindStep(carried[0]);
  Value state = next(carried[1]);
  store(state);
  k.yield({state});
  emitter->close();
  k.yield({});
  emitter->close();
}

LogicalResult CumulativeKernel::lower() {
  if (failed(build())) return failure();
  emitter.emplace(k, *graph);
  frame.bindArguments(*emitter);
  bool rows = inner == 1;
  int64_t lanes = rows ? 1 : chooseLanes(frame, *graph, innerLoop, {operands[0]->element});
  emitter->vectorize(innerLoop, lanes);
  emitter->bind(innerLoop, k.index(0));
  TaskPlan plan =
      planTasks(frame.target, space, {outerLoop}, innerLoop, lanes, /*splitVectorLoop=*/true);
  emitTasks(frame, *emitter, plan, innerLoop, [&](Value low, Value high) {
    if (rows) return emitChain();
    emitVectors(frame, *emitter, innerLoop, low, high, inner, /*cheap=*/false,
                [&] { emitChain(); });
  });
  return success();
}

} // namespace

LogicalResult lowerCumulativeKernel(Frame &frame) {
  return CumulativeKernel(frame).lower();
}

} // namespace weir::codegen
