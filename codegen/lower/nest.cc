// Loops around vectors.
#include "codegen/lower/nest.h"

#include "codegen/lower/elementwise.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {

int64_t chooseLanes(const Frame &frame, const PointGraph &graph, unsigned loop,
                    ArrayRef<Type> stored) {
  SmallVector<Type> elements(stored);
  for (const Node &node : graph.getNodes())
    if (node.loops >> loop & 1) elements.push_back(node.element);
  int64_t size = graph.getSpace().getLoops()[loop].size;
  return std::min<int64_t>(frame.lanesFor(elements),
                           llvm::PowerOf2Ceil(std::max<int64_t>(size, 1)));
}

int bodyCost(const PointGraph &graph, unsigned loop) {
  int cost = 0;
  for (const Node &node : graph.getNodes())
    if (node.loops >> loop & 1)
      cost += node.kind == Node::Compute  ? costOf(node.value.getDefiningOp())
              : node.kind == Node::Random ? 80
                                          : 1;
  return cost;
}

TaskPlan planTasks(const TargetInfo &target, const IndexSpace &space, ArrayRef<unsigned> outer,
                   unsigned vectorLoop, int64_t lanes, bool splitVectorLoop) {
  int64_t enough = target.wantedTasks, leastElements = target.leastTaskElements;
  TaskPlan plan;
  plan.loops.assign(outer.begin(), outer.end());
  while (plan.collapsed < outer.size() && plan.tasks < enough)
    plan.tasks *= space.getLoops()[outer[plan.collapsed++]].size;
  int64_t size = space.getLoops()[vectorLoop].size;
  plan.chunkSize = size;
  if (splitVectorLoop && plan.collapsed == outer.size() && plan.tasks < enough &&
      size >= 2 * leastElements) {
    int64_t parts = std::min<int64_t>(size / leastElements, std::max<int64_t>(enough, 4096));
    plan.chunkSize = llvm::alignTo(llvm::divideCeil(size, parts), 4 * lanes);
    plan.chunks = llvm::divideCeil(size, plan.chunkSize);
    plan.tasks *= plan.chunks;
  }
  return plan;
}

void emitTasks(Frame &frame, Emitter &emitter, const TaskPlan &plan, unsigned vectorLoop,
               function_ref<void(Value, Value)> inner) {
  KernelBuilder &k = frame.k;
  ArrayRef<Loop> loops = emitter.getLoops();
  int64_t size = loops[vectorLoop].size;
  auto atMostSize = [&](Value high) {
    return plan.chunks * plan.chunkSize == size ? high : k.min(high, k.index(size));
  };
  frame.tasks = plan.tasks;
  if (plan.loops.empty()) { // One flat loop over this call's chunks.
    if (plan.chunks == 1) {
      emitter.open(k.branch(k.lessThan(frame.begin, frame.end)));
      inner(k.index(0), k.index(size));
      return emitter.close();
    }
    Value low = k.mul(frame.begin, plan.chunkSize), high = k.mul(frame.end, plan.chunkSize);
    return inner(low, atMostSize(high));
  }
  Operation *tasks = k.loop(frame.begin, frame.end, 1);
  emitter.open(tasks);
  Value task = tasks->getRegion(0).getArgument(0);
  Value low = k.index(0), high = k.index(size);
  if (plan.chunks > 1) {
    low = k.mul(k.remainder(task, plan.chunks), plan.chunkSize);
    high = atMostSize(k.add(low, plan.chunkSize));
    task = k.divide(task, plan.chunks);
  }
  for (unsigned i = plan.collapsed; i-- > 0;) {
    int64_t extent = loops[plan.loops[i]].size;
    emitter.bind(plan.loops[i], i == 0 ? task : k.remainder(task, extent));
    if (i) task = k.divide(task, extent);
  }
  for (unsigned i = plan.collapsed; i < plan.loops.size(); ++i) {
    Operation *loop = k.loop(k.index(0), k.index(loops[plan.loops[i]].size), 1);
    emitter.open(loop);
    emitter.bind(plan.loops[i], loop->getRegion(0).getArgument(0));
  }
  inner(low, high);
  for (unsigned i = plan.collapsed; i < plan.loops.size(); ++i) emitter.close();
  emitter.close();
}

void emitVectors(Frame &frame, Emitter &emitter, unsigned vectorLoop, Value low, Value high,
                 int64_t size, bool cheap, function_ref<void()> body) {
  KernelBuilder &k = frame.k;
  int64_t lanes = emitter.getLanes();
  emitter.aligned = true;
  auto loop = [&](Value from, Value to, function_ref<Value(Value)> maskAt) {
    Operation *each = k.loop(from, to, lanes);
    emitter.open(each);
    Value counter = each->getRegion(0).getArgument(0);
    emitter.bind(vectorLoop, counter);
    emitter.mask = maskAt(counter);
    body();
    emitter.mask = Value();
    emitter.close();
  };
  auto noMask = [](Value) { return Value(); };
  bool whole = k.known(low) == 0 && k.known(high) == size;
  if (whole && size <= lanes) {
    emitter.open(k.scope());
    emitter.bind(vectorLoop, k.index(0));
    if (size < lanes && !frame.isPadded) emitter.mask = k.firstLanes(k.index(size), lanes);
    body();
    emitter.mask = Value();
    k.yield({});
    return emitter.close();
  }
  int64_t rest = size % lanes;
  if (rest == 0) return loop(low, high, noMask);
  constexpr int64_t fewVectors = 4;
  if (!cheap || size < fewVectors * lanes)
    return loop(low, high,
                [&](Value counter) { return k.firstLanes(k.sub(high, counter), lanes); });
  // Only the last chunk ends inside a vector; its loop then runs once.
  Value lastVector = k.index(size - rest);
  Value middle = whole ? lastVector : k.min(high, lastVector);
  loop(low, middle, noMask);
  loop(middle, high, [&](Value) { return k.firstLanes(k.index(rest), lanes); });
}

} // namespace weir::codegen
