// Kernels of kind `row`: reductions over the trailing dims of [rows, columns] with what feeds and
// follows them.
//
// Each row is walked in stages. Stage d evaluates what depends on d reductions one after another:
// the operands of the next reductions and the full-size results of that depth. Costly values that a
// later stage reads again are kept in a row of per-thread scratch, which stays in the nearest
// cache; cheap ones are computed again.
#include "codegen/lower/elementwise.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "codegen/lower/reduce_tree.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {
namespace {

struct Store {
  const Node *root;
  unsigned result;
};

/// What one walk over the columns of a row does.
struct Stage {
  SmallVector<const Node *> reductions; // Their operands are evaluated here.
  SmallVector<Store> stores;
  SmallVector<std::pair<const Node *, Value>> kept; // Written to a row of scratch.
};

class RowKernel {
public:
  explicit RowKernel(Frame &frame) : frame(frame), k(frame.k), space({}) {}
  LogicalResult lower();

private:
  LogicalResult build();
  LogicalResult tryBuild();
  void planStages();
  void planKept();
  int recomputeCost(const Node *node, llvm::SmallDenseSet<const Node *, 16> &seen) const;
  void emitRow();
  void emitStage(Stage &stage);
  void emitBody(Stage &stage, MutableArrayRef<SmallVector<Value>> accumulators, int64_t turn);
  void emitUnrolled(Stage &stage, MutableArrayRef<SmallVector<Value>> accumulators, int64_t unroll,
                    int64_t count);
  void emitRotating(Stage &stage, MutableArrayRef<SmallVector<Value>> accumulators, int64_t count);
  bool isColumnValue(const Node *node) const { return node->loops >> columnLoop & 1; }

  Frame &frame;
  KernelBuilder &k;
  IndexSpace space;
  std::optional<PointGraph> graph;
  std::optional<Emitter> emitter;
  int64_t rows = 1, columns = 1, lanes = 1;
  unsigned columnLoop = 0;
  Affine rowIndex, fullIndex, columnIndex;
  SmallVector<Store> rowStores;
  SmallVector<const Node *> roots;
  SmallVector<Stage> stages;
};

constexpr int rowGroup = 0, columnGroup = 1;

LogicalResult RowKernel::tryBuild() {
  do {
    graph.emplace(space);
    graph->reduced = ReducedDims{columnGroup, /*trailing=*/true, columns};
    roots.clear();
    rowIndex = fullIndex = columnIndex = Affine();
    for (auto [i, loop] : llvm::enumerate(space.getLoops())) {
      fullIndex = fullIndex * loop.size + space.loop(i);
      Affine &part = loop.group == rowGroup ? rowIndex : columnIndex;
      part = part * loop.size + space.loop(i);
    }
    for (Value result : frame.returned()) {
      int64_t size = elementsOf(result);
      if (size != rows && size != rows * columns)
        return frame.source.emitError(
            "a result of a row kernel is neither of its rows nor of its domain");
      roots.push_back(graph->at(result, size == rows * columns ? fullIndex : rowIndex));
      if (!roots.back()) return failure();
    }
  } while (space.takeSplit());
  graph->finish({&rowIndex, &fullIndex, &columnIndex});
  return success();
}

LogicalResult RowKernel::build() {
  for (Operation &op : frame.source.getBody().front())
    if (isReduction(&op)) {
      columns = reductionExtent(&op);
      rows = elementsOf(op.getResult(0));
      break;
    }
  space = IndexSpace({Loop{rows, rowGroup}, Loop{columns, columnGroup}});
  if (failed(tryBuild())) return failure();
  auto [first, last] = space.loopsOf(columnGroup);
  if (last - first > 1) {
    // The order of a reduction is that of the flat column index, so columns are one loop with
    // divided indices.
    space.flattenGroup(columnGroup);
    if (failed(tryBuild())) return failure();
  }
  columnLoop = space.loopsOf(columnGroup).first;
  return success();
}

/// A reduction is walked at the depth of its operand, a full-size result at its own; a result that
/// may lie in an argument's buffer only when nothing is read any more.
void RowKernel::planStages() {
  int deepest = 0;
  for (auto [i, root] : llvm::enumerate(roots)) deepest = std::max(deepest, root->depth);
  stages.resize(deepest + 1);
  for (const Node &node : graph->getNodes())
    if (node.kind == Node::Reduce) stages[node.operands[0]->depth].reductions.push_back(&node);
  for (auto [i, root] : llvm::enumerate(roots)) {
    if (elementsOf(frame.returned()[i]) == rows * columns)
      stages[frame.mayAlias(i) ? deepest : root->depth].stores.push_back({root, unsigned(i)});
    else
      rowStores.push_back({root, unsigned(i)});
  }
}

/// Instructions to compute a node again in a later walk.
int RowKernel::recomputeCost(const Node *node, llvm::SmallDenseSet<const Node *, 16> &seen) const {
  if (!isColumnValue(node) || !seen.insert(node).second) return 0;
  int cost = node->kind == Node::Compute  ? costOf(node->value.getDefiningOp())
             : node->kind == Node::Random ? 80
                                          : 1;
  for (const Node *operand : node->operands) cost += recomputeCost(operand, seen);
  return cost;
}

/// Finds what later stages read of earlier ones' work, and gives the costly part a row of scratch.
void RowKernel::planKept() {
  constexpr int worthKeeping = 8; // A store and a load, and the cache they take.
  llvm::DenseMap<const Node *, size_t> firstStage;
  llvm::SmallDenseSet<const Node *> kept;
  std::function<void(const Node *, size_t)> visit = [&](const Node *node, size_t stage) {
    if (!isColumnValue(node) || node->kind == Node::Reduce || kept.contains(node)) return;
    auto [it, isNew] = firstStage.try_emplace(node, stage);
    if (!isNew && it->second == stage) return;
    if (!isNew && node->kind != Node::Load) {
      llvm::SmallDenseSet<const Node *, 16> seen;
      if (recomputeCost(node, seen) >= worthKeeping) {
        kept.insert(node);
        stages[it->second].kept.push_back({node, frame.allocate(columns, node->element)});
        return;
      }
    }
    it->second = isNew ? stage : it->second;
    for (const Node *operand : node->operands) visit(operand, stage);
  };
  for (auto [i, stage] : llvm::enumerate(stages)) {
    for (const Node *node : stage.reductions) visit(node->operands[0], i);
    for (Store &store : stage.stores) visit(store.root, i);
  }
}

/// One vector of the walk; `turn` says which accumulator takes it.
void RowKernel::emitBody(Stage &stage, MutableArrayRef<SmallVector<Value>> accumulators,
                         int64_t turn) {
  for (auto [node, all] : llvm::zip(stage.reductions, accumulators)) {
    Value x = lanes == 1 ? emitter->value(node->operands[0]) : emitter->vector(node->operands[0]);
    Reducer reducer(node->value.getDefiningOp());
    Value &mine = all[turn % all.size()];
    k.loc = node->loc();
    Value combined = reducer.combine(k, mine, x);
    mine = emitter->mask ? k.select(emitter->mask, combined, mine) : combined;
  }
  // A result may lie over an argument that another one reads: all are computed before any is
  // stored.
  for (Store &store : stage.stores) emitter->value(store.root);
  for (auto [node, memref] : stage.kept) emitter->value(node);
  for (Store &store : stage.stores)
    emitter->store(store.root, frame.results[store.result], fullIndex,
                   frame.exceedsCaches(store.result));
  for (auto [node, memref] : stage.kept) emitter->store(node, memref, columnIndex);
}

static SmallVector<Value> flattened(ArrayRef<SmallVector<Value>> accumulators) {
  SmallVector<Value> all;
  for (const SmallVector<Value> &each : accumulators) llvm::append_range(all, each);
  return all;
}

static void assign(MutableArrayRef<SmallVector<Value>> accumulators, ValueRange values) {
  size_t next = 0;
  for (SmallVector<Value> &each : accumulators)
    for (Value &value : each) value = values[next++];
}

/// `count` vectors, a multiple of `unroll`, each turn's accumulator fixed in the code.
void RowKernel::emitUnrolled(Stage &stage, MutableArrayRef<SmallVector<Value>> accumulators,
                             int64_t unroll, int64_t count) {
  SmallVector<Value> inits = flattened(accumulators);
  Operation *loop = k.loop(k.index(0), k.index(count * lanes), unroll * lanes, inits);
  emitter->open(loop);
  Block &body = loop->getRegion(0).front();
  assign(accumulators, body.getArguments().drop_front());
  for (int64_t turn = 0; turn < unroll; ++turn) {
    if (turn) emitter->restart();
    emitter->bind(columnLoop, k.add(body.getArgument(0), turn * lanes));
    emitBody(stage, accumulators, turn);
  }
  if (!inits.empty()) k.yield(flattened(accumulators));
  emitter->close();
  assign(accumulators, loop->getResults());
}

/// `count` vectors with one copy of the body: the accumulators change places instead.
void RowKernel::emitRotating(Stage &stage, MutableArrayRef<SmallVector<Value>> accumulators,
                             int64_t count) {
  SmallVector<Value> inits = flattened(accumulators);
  Operation *loop = k.loop(k.index(0), k.index(count * lanes), lanes, inits);
  emitter->open(loop);
  Block &body = loop->getRegion(0).front();
  assign(accumulators, body.getArguments().drop_front());
  emitter->bind(columnLoop, body.getArgument(0));
  emitBody(stage, accumulators, 0);
  for (SmallVector<Value> &each : accumulators)
    std::rotate(each.begin(), each.begin() + 1, each.end());
  if (!inits.empty()) k.yield(flattened(accumulators));
  emitter->close();
  assign(accumulators, loop->getResults());
  for (SmallVector<Value> &each : accumulators)
    std::rotate(each.begin(), each.end() - count % each.size(), each.end());
}

void RowKernel::emitStage(Stage &stage) {
  SmallVector<SmallVector<Value>> accumulators;
  int64_t most = 1, whole = columns / lanes, rest = columns % lanes;
  for (const Node *node : stage.reductions) {
    Reducer reducer(node->value.getDefiningOp());
    int64_t count = accumulatorsFor(reducer.element, frame.target.vectorBytes, lanes);
    most = std::max(most, count);
    accumulators.push_back(SmallVector<Value>(count, reducer.identity(k, lanes)));
  }
  constexpr int unrollBelow = 12;
  llvm::SmallDenseSet<const Node *, 16> seen;
  int cost = 0;
  for (const Node *node : stage.reductions) cost += 1 + recomputeCost(node->operands[0], seen);
  for (Store &store : stage.stores) cost += 1 + recomputeCost(store.root, seen);
  if (whole > 0 && most > 1 && cost <= unrollBelow && whole % most == 0)
    emitUnrolled(stage, accumulators, most, whole);
  else if (whole > 0)
    emitRotating(stage, accumulators, whole);
  if (rest) {
    Operation *tail = k.scope(ValueRange(flattened(accumulators)).getTypes());
    emitter->open(tail);
    emitter->bind(columnLoop, k.index(whole * lanes));
    emitter->mask = lanes > 1 ? k.firstLanes(k.index(rest), lanes) : Value();
    emitBody(stage, accumulators, whole);
    emitter->mask = Value();
    k.yield(flattened(accumulators));
    emitter->close();
    assign(accumulators, tail->getResults());
  }
  for (auto [node, all] : llvm::zip(stage.reductions, accumulators)) {
    k.loc = node->loc();
    emitter->bind(node, finishTree(k, Reducer(node->value.getDefiningOp()), all));
  }
  for (auto [node, memref] : stage.kept) emitter->readFrom(node, memref, columnIndex);
}

void RowKernel::emitRow() {
  for (Stage &stage : stages)
    if (!stage.reductions.empty() || !stage.stores.empty()) emitStage(stage);
  for (Store &store : rowStores) {
    Value value = emitter->value(store.root);
    k.store(value, frame.results[store.result], emitter->flat(rowIndex), Value());
  }
}

LogicalResult RowKernel::lower() {
  if (failed(build())) return failure();
  planStages();
  planKept();
  SmallVector<Type> stored;
  for (const Node *root : roots) stored.push_back(root->element);
  emitter.emplace(k, *graph);
  frame.bindArguments(*emitter);
  emitter->vectorize(columnLoop, chooseLanes(frame, *graph, columnLoop, stored));
  lanes = emitter->getLanes();
  emitter->aligned = true;
  SmallVector<unsigned> outer = llvm::to_vector(llvm::seq<unsigned>(0, columnLoop));
  TaskPlan plan =
      planTasks(frame.target, space, outer, columnLoop, lanes, /*splitVectorLoop=*/false);
  emitTasks(frame, *emitter, plan, columnLoop, [&](Value, Value) { emitRow(); });
  return success();
}

} // namespace

LogicalResult lowerRowKernel(Frame &frame) {
  return RowKernel(frame).lower();
}

} // namespace weir::codegen
