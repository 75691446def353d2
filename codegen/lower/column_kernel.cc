// Kernels of kind `column`: reductions over the leading dims of [rows, columns] with what feeds
// them.
//
// A task is a block of a few vectors of columns. Rows are added one after another in chunks of 256;
// the chunks' partial results are added in ascending order. So the order depends on the shape
// alone.
#include "codegen/lower/elementwise.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "codegen/lower/reduce_tree.h"
#include "ir/dialect/weir.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {
namespace {

constexpr int columnGroup = 0, rowGroup = 1;
constexpr int64_t rowsPerChunk = 256;

class ColumnKernel {
public:
  explicit ColumnKernel(Frame &frame) : frame(frame), k(frame.k), space({}) {}
  LogicalResult lower();

private:
  LogicalResult build();
  LogicalResult tryBuild();
  int64_t vectorsPerBlock() const;
  void emitBlocks(const TaskPlan &plan, int64_t vectors, int64_t blocks);
  void emitBlock(Value low, int64_t vectors, int64_t valid);
  SmallVector<Value> emitRows(Value low, Value high, int64_t vectors, ArrayRef<Value> masks);
  Value columnOf(Value low, int64_t vector) { return k.add(low, vector * lanes); }

  Frame &frame;
  KernelBuilder &k;
  IndexSpace space;
  std::optional<PointGraph> graph;
  std::optional<Emitter> emitter;
  int64_t rows = 1, columns = 1, lanes = 1;
  unsigned columnLoop = 0, rowLoop = 0;
  Affine columnIndex;
  Value blockLow;
  SmallVector<const Node *> roots, reductions;
};

LogicalResult ColumnKernel::tryBuild() {
  do {
    graph.emplace(space);
    graph->reduced = ReducedDims{rowGroup, /*trailing=*/false, rows};
    roots.clear();
    columnIndex = Affine();
    for (auto [i, loop] : llvm::enumerate(space.getLoops()))
      if (loop.group == columnGroup) columnIndex = columnIndex * loop.size + space.loop(i);
    for (Value result : frame.returned()) {
      if (elementsOf(result) != columns)
        return frame.source.emitError("a result of a column kernel is not of its columns");
      roots.push_back(graph->at(result, columnIndex));
      if (!roots.back()) return failure();
    }
  } while (space.takeSplit());
  graph->finish(&columnIndex);
  return success();
}

LogicalResult ColumnKernel::build() {
  for (Operation &op : frame.source.getBody().front())
    if (isReduction(&op)) {
      columns = elementsOf(op.getResult(0));
      rows = reductionExtent(&op);
      break;
    }
  space = IndexSpace({Loop{columns, columnGroup}, Loop{rows, rowGroup}});
  if (failed(tryBuild())) return failure();
  auto [first, last] = space.loopsOf(rowGroup);
  if (last - first > 1) {
    // Chunks count flat rows, so rows are one loop with divided indices.
    space.flattenGroup(rowGroup);
    if (failed(tryBuild())) return failure();
  }
  rowLoop = space.loopsOf(rowGroup).first;
  columnLoop = rowLoop - 1;
  for (const Node &node : graph->getNodes())
    if (node.kind == Node::Reduce) {
      if (node.depth > 1) return frame.source.emitError("a column kernel reduces once");
      reductions.push_back(&node);
    }
  return success();
}

/// Rows [low, high): one accumulator for each reduction and vector, reduction-major.
SmallVector<Value> ColumnKernel::emitRows(Value low, Value high, int64_t vectors,
                                          ArrayRef<Value> masks) {
  SmallVector<Value> inits;
  for (const Node *node : reductions)
    inits.append(vectors, Reducer(node->value.getDefiningOp()).identity(k, lanes));
  Operation *loop = k.loop(low, high, 1, inits);
  emitter->open(loop);
  Block &body = loop->getRegion(0).front();
  emitter->bind(rowLoop, body.getArgument(0));
  SmallVector<Value> sums(body.getArguments().drop_front());
  for (int64_t vector = 0; vector < vectors; ++vector) {
    if (vector) emitter->restart();
    emitter->bind(rowLoop, body.getArgument(0));
    emitter->bind(columnLoop, columnOf(blockLow, vector));
    emitter->mask = masks[vector];
    for (auto [i, node] : llvm::enumerate(reductions)) {
      const Node *operand = node->operands[0];
      Value x = lanes == 1 ? emitter->value(operand) : emitter->vector(operand);
      k.loc = node->loc();
      Value &sum = sums[i * vectors + vector];
      sum = Reducer(node->value.getDefiningOp()).combine(k, sum, x);
    }
  }
  emitter->mask = Value();
  k.yield(sums);
  emitter->close();
  return SmallVector<Value>(loop->getResults());
}

/// `vectors` vectors of columns from `low`, of which `valid` columns exist.
void ColumnKernel::emitBlock(Value low, int64_t vectors, int64_t valid) {
  blockLow = low;
  SmallVector<Value> masks, totals;
  for (int64_t vector = 0; vector < vectors; ++vector) {
    int64_t left = valid - vector * lanes;
    masks.push_back(left < lanes ? k.firstLanes(k.index(left), lanes) : Value());
  }
  if (rows <= rowsPerChunk) {
    totals = emitRows(k.index(0), k.index(rows), vectors, masks);
  } else {
    SmallVector<Value> inits;
    for (const Node *node : reductions)
      inits.append(vectors, Reducer(node->value.getDefiningOp()).identity(k, lanes));
    Operation *chunks = k.loop(k.index(0), k.index(rows), rowsPerChunk, inits);
    emitter->open(chunks);
    Block &body = chunks->getRegion(0).front();
    Value first = body.getArgument(0);
    Value last = k.add(first, rowsPerChunk);
    if (rows % rowsPerChunk) last = k.min(last, k.index(rows));
    SmallVector<Value> partials = emitRows(first, last, vectors, masks);
    SmallVector<Value> sums;
    for (auto [i, partial] : llvm::enumerate(partials)) {
      Reducer reducer(reductions[i / vectors]->value.getDefiningOp());
      sums.push_back(reducer.combine(k, body.getArgument(1 + i), partial));
    }
    k.yield(sums);
    emitter->close();
    totals.assign(chunks->result_begin(), chunks->result_end());
  }
  for (int64_t vector = 0; vector < vectors; ++vector) {
    emitter->open(k.scope());
    emitter->bind(columnLoop, columnOf(low, vector));
    emitter->mask = masks[vector];
    for (auto [i, node] : llvm::enumerate(reductions))
      emitter->bind(node,
                    Reducer(node->value.getDefiningOp()).finish(k, totals[i * vectors + vector]));
    for (auto [root, memref] : llvm::zip(roots, frame.results))
      emitter->store(root, memref, columnIndex);
    emitter->mask = Value();
    k.yield({});
    emitter->close();
  }
}

/// Tasks are blocks of columns; the last block of each row of blocks may be narrower.
void ColumnKernel::emitBlocks(const TaskPlan &plan, int64_t vectors, int64_t blocks) {
  frame.tasks = plan.tasks;
  int64_t block = vectors * lanes, rest = space.getLoops()[columnLoop].size % block;
  Operation *tasks = k.loop(frame.begin, frame.end, 1);
  emitter->open(tasks);
  Value task = tasks->getRegion(0).getArgument(0), number = task;
  if (!plan.loops.empty()) {
    number = k.remainder(task, blocks);
    task = k.divide(task, blocks);
  }
  for (unsigned i = plan.loops.size(); i-- > 0;) {
    int64_t extent = space.getLoops()[plan.loops[i]].size;
    emitter->bind(plan.loops[i], i == 0 ? task : k.remainder(task, extent));
    if (i) task = k.divide(task, extent);
  }
  Value low = k.mul(number, block);
  int64_t lastVectors = llvm::divideCeil(rest, lanes);
  if (rest == 0) {
    emitBlock(low, vectors, block);
  } else if (blocks == 1) {
    emitBlock(low, lastVectors, rest);
  } else {
    Operation *branch = k.branch(k.equal(number, k.index(blocks - 1)));
    emitter->open(branch, 0);
    emitBlock(low, lastVectors, rest);
    emitter->close();
    emitter->open(branch, 1);
    emitBlock(low, vectors, block);
    emitter->close();
  }
  emitter->close();
}

/// As many vectors a block as registers and a small body allow, preferably so that all blocks are
/// alike.
int64_t ColumnKernel::vectorsPerBlock() const {
  int64_t all = llvm::divideCeil(space.getLoops()[columnLoop].size, lanes);
  int64_t most = std::clamp<int64_t>(16 / int64_t(reductions.size()), 1, 8);
  if (bodyCost(*graph, rowLoop) > 16) most = std::min<int64_t>(most, 2);
  int64_t vectors = std::min(most, all);
  for (int64_t fewer = vectors; fewer > vectors / 2; --fewer)
    if (all % fewer == 0) return fewer;
  return vectors;
}

LogicalResult ColumnKernel::lower() {
  if (failed(build())) return failure();
  SmallVector<Type> stored;
  for (const Node *root : roots) stored.push_back(root->element);
  emitter.emplace(k, *graph);
  frame.bindArguments(*emitter);
  emitter->vectorize(columnLoop, chooseLanes(frame, *graph, columnLoop, stored));
  lanes = emitter->getLanes();
  emitter->aligned = true;

  int64_t vectors = vectorsPerBlock();
  int64_t blocks = llvm::divideCeil(space.getLoops()[columnLoop].size, vectors * lanes);
  TaskPlan plan;
  plan.loops = llvm::to_vector<4>(llvm::seq<unsigned>(0, columnLoop));
  plan.tasks = blocks;
  for (unsigned loop : plan.loops) plan.tasks *= space.getLoops()[loop].size;
  emitBlocks(plan, vectors, blocks);
  return success();
}

} // namespace

LogicalResult lowerColumnKernel(Frame &frame) {
  return ColumnKernel(frame).lower();
}

} // namespace weir::codegen
