// scatter_add, _mul, _max, _min and _set: copies the operand, then combines updates one after
// another in ascending index order; set replaces.
//
// operand [batch, before, rows, features], indices [batch, count], updates [batch, before, count,
// features]. Tasks are (batch, before, block of features): no two of them touch the same element.
#include "codegen/lower/elementwise.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "ir/dialect/weir.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {
namespace {

constexpr unsigned batchLoop = 0, beforeLoop = 1, rowLoop = 2, countLoop = 3, featureLoop = 4;

class ScatterKernel {
public:
  explicit ScatterKernel(Frame &frame)
      : frame(frame), k(frame.k), op(frame.returned()[0].getDefiningOp()),
        combiner(op->getName().stripDialect().drop_front(strlen("scatter_"))), space({}) {}
  LogicalResult lower();

private:
  void computeSizes();
  LogicalResult build();
  void emitCopy(Value low, Value high);
  void emitUpdates(Value low, Value high);

  Frame &frame;
  KernelBuilder &k;
  Operation *op;
  StringRef combiner; // The elementwise op, or "set".
  IndexSpace space;
  std::optional<PointGraph> graph;
  std::optional<Emitter> emitter;
  const Node *operand = nullptr, *index = nullptr, *update = nullptr;
  int64_t batch = 1, before = 1, rows = 1, count = 1, features = 1;
  Affine rowIndex, sliceIndex; // Of the operand at (row, feature), and at (0, feature).
};

void ScatterKernel::computeSizes() {
  int64_t dim = op->getAttrOfType<IntegerAttr>("dim").getInt();
  int64_t shared = op->getAttrOfType<IntegerAttr>("batch_dims").getInt();
  for (auto [d, size] :
       llvm::enumerate(cast<RankedTensorType>(op->getOperand(0).getType()).getShape()))
    (int64_t(d) < shared ? batch
     : int64_t(d) < dim  ? before
     : int64_t(d) == dim ? rows
                         : features) *= size;
  for (int64_t size :
       cast<RankedTensorType>(op->getOperand(1).getType()).getShape().drop_front(shared))
    count *= size;
}

LogicalResult ScatterKernel::build() {
  // Loops stay as they are: what the operands need of dims is divided.
  SmallVector<Loop> loops;
  for (int64_t size : {batch, before, rows, count, features})
    loops.push_back(Loop{size, int(loops.size()), false});
  space = IndexSpace(std::move(loops));
  graph.emplace(space);
  Affine outer = space.loop(batchLoop) * before + space.loop(beforeLoop);
  sliceIndex = outer * (rows * features) + space.loop(featureLoop);
  rowIndex = (outer * rows + space.loop(rowLoop)) * features + space.loop(featureLoop);
  operand = graph->at(op->getOperand(0), rowIndex);
  index = graph->at(op->getOperand(1), space.loop(batchLoop) * count + space.loop(countLoop));
  update = graph->at(op->getOperand(2),
                     (outer * count + space.loop(countLoop)) * features + space.loop(featureLoop));
  if (!operand || !index || !update) return failure();
  graph->finish({&rowIndex, &sliceIndex});
  return success();
}

void ScatterKernel::emitCopy(Value low, Value high) {
  Operation *loop = k.loop(k.index(0), k.index(rows), 1);
  emitter->open(loop);
  emitter->bind(rowLoop, loop->getRegion(0).getArgument(0));
  emitVectors(frame, *emitter, featureLoop, low, high, features, /*cheap=*/true,
              [&] { emitter->store(operand, frame.results[0], rowIndex); });
  emitter->close();
}

void ScatterKernel::emitUpdates(Value low, Value high) {
  Operation *loop = k.loop(k.index(0), k.index(count), 1);
  emitter->open(loop);
  emitter->bind(countLoop, loop->getRegion(0).getArgument(0));
  Value row = k.castInt(emitter->value(index), k.b.getIndexType());
  Operation *inside = k.branch(k.inRange(row, 0, rows - 1));
  emitter->open(inside);
  Value start = k.mul(row, features);
  emitVectors(frame, *emitter, featureLoop, low, high, features, /*cheap=*/true, [&] {
    Value made = emitter->getLanes() == 1 ? emitter->value(update) : emitter->vector(update);
    Value at = k.add(emitter->flat(sliceIndex), start);
    if (combiner != "set") {
      Value old = k.load(frame.results[0], at, emitter->getLanes(), emitter->mask, update->element);
      made = emitNamed(k, combiner, update->element, {old, made});
    }
    k.store(made, frame.results[0], at, emitter->mask);
  });
  emitter->close();
  emitter->close();
}

LogicalResult ScatterKernel::lower() {
  computeSizes();
  if (failed(build())) return failure();
  emitter.emplace(k, *graph);
  frame.bindArguments(*emitter);
  emitter->vectorize(featureLoop, chooseLanes(frame, *graph, featureLoop, {operand->element}));
  TaskPlan plan;
  plan.loops = {batchLoop, beforeLoop};
  plan.collapsed = 2;
  plan.tasks = batch * before;
  plan.chunkSize = features;
  constexpr int64_t enough = 16;
  if (plan.tasks < enough) {
    plan.chunkSize = llvm::alignTo(llvm::divideCeil(features, enough), 2 * emitter->getLanes());
    plan.chunks = llvm::divideCeil(features, plan.chunkSize);
    plan.tasks *= plan.chunks;
  }
  emitTasks(frame, *emitter, plan, featureLoop, [&](Value low, Value high) {
    auto source = dyn_cast<BlockArgument>(op->getOperand(0));
    if (source && frame.mayAlias(0)) { // In place: there is nothing to copy.
      Operation *inPlace =
          k.branch(k.sameAddress(frame.arguments[source.getArgNumber()], frame.results[0]));
      emitter->open(inPlace, 1);
      emitCopy(low, high);
      emitter->close();
    } else {
      emitCopy(low, high);
    }
    emitUpdates(low, high);
  });
  return success();
}

} // namespace

LogicalResult lowerScatterKernel(Frame &frame) {
  return ScatterKernel(frame).lower();
}

} // namespace weir::codegen
