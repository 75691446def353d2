// Tiles of transposed loads.
#include "codegen/lower/transposed_loads.h"

#include "codegen/cpu/transpose_tile.h"
#include "codegen/lower/nest.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {

/// Tiles side by side before the next rows: whole runs of cache lines are read from each row.
constexpr int64_t tilesAbreast = 4;

static bool isTileSize(int64_t lanes, int64_t bytes) {
  return bytes == 4 ? lanes == 4 || lanes == 8 || lanes == 16
                    : bytes == 8 && (lanes == 2 || lanes == 4 || lanes == 8);
}

/// The loop along which a strided load is dense, if it is worth tiling.
static std::optional<unsigned> denseLoop(const Node &node, ArrayRef<Loop> loops,
                                         unsigned vectorLoop, int64_t lanes) {
  bool plain = node.kind == Node::Load && !node.guard && node.index.terms.empty();
  if (!plain || std::abs(node.index.stride(vectorLoop)) <= 1) return std::nullopt;
  if (!isTileSize(lanes, KernelBuilder::bytesOf(node.element))) return std::nullopt;
  for (auto [i, loop] : llvm::enumerate(loops))
    if (i != vectorLoop && node.index.stride(i) == 1 && 2 * loop.size >= lanes) return i;
  return std::nullopt;
}

TransposedLoads findTransposedLoads(const PointGraph &graph, ArrayRef<Node *> roots,
                                    unsigned vectorLoop, int64_t lanes) {
  TransposedLoads found;
  llvm::SmallDenseSet<const Node *, 16> seen;
  SmallVector<const Node *> work(roots);
  while (!work.empty()) {
    const Node *node = work.pop_back_val();
    if (!seen.insert(node).second) continue;
    work.append(node->operands.begin(), node->operands.end());
    std::optional<unsigned> loop = denseLoop(*node, graph.getSpace().getLoops(), vectorLoop, lanes);
    if (!loop || (!found.loads.empty() && found.loop != *loop)) continue;
    found.loop = *loop;
    found.loads.push_back(node);
  }
  return found;
}

/// Outer loops as tasks, and where they are too few, chunks of tiles of the transposed loop.
static TaskPlan planTiles(ArrayRef<Loop> loops, unsigned tiled, unsigned vectorLoop, int64_t lanes,
                          const IndexSpace &space) {
  constexpr int64_t enough = 32, leastElements = 4096;
  SmallVector<unsigned> outer;
  for (unsigned i = 0; i < loops.size(); ++i)
    if (i != tiled && i != vectorLoop) outer.push_back(i);
  TaskPlan plan = planTasks(space, outer, tiled, lanes, /*splitVectorLoop=*/false);
  if (plan.tasks >= enough || plan.collapsed < outer.size()) return plan;
  int64_t size = loops[tiled].size, ofTile = lanes * loops[vectorLoop].size;
  int64_t tiles = std::max(llvm::divideCeil(leastElements, ofTile),
                           llvm::divideCeil(llvm::divideCeil(size, lanes), enough));
  plan.chunkSize = tiles * lanes;
  plan.chunks = llvm::divideCeil(size, plan.chunkSize);
  plan.tasks *= plan.chunks;
  return plan;
}

/// Reads the tile of `node` at the loops' counters and leaves its transposition in `tile`. Rows
/// after `lastRow` are not there, nor are columns without their lane of `columns` (null: all are).
static void transposeInto(KernelBuilder &k, Emitter &emitter, const Node *node, Value tile,
                          int64_t stride, Value lastRow, Value columns) {
  int64_t lanes = emitter.getLanes();
  Value first = emitter.flat(node->index);
  SmallVector<Value> rows;
  for (int64_t i = 0; i < lanes; ++i) {
    Value row = k.index(i);
    if (lastRow) row = k.min(row, lastRow);
    rows.push_back(k.load(emitter.buffers.lookup(node->value), k.add(first, k.mul(row, stride)),
                          lanes, columns, node->element));
  }
  ImplicitLocOpBuilder b(k.loc, k.b);
  rows = transposeTile(b, rows);
  for (auto [i, row] : llvm::enumerate(rows)) k.store(row, tile, k.index(i * lanes), Value());
}

void emitTransposed(Frame &frame, Emitter &emitter, const TransposedLoads &transposed,
                    unsigned vectorLoop, function_ref<void()> body) {
  KernelBuilder &k = frame.k;
  int64_t lanes = emitter.getLanes();
  unsigned tiled = transposed.loop;
  int64_t height = emitter.getLoops()[vectorLoop].size, width = emitter.getLoops()[tiled].size;
  SmallVector<Value> tiles;
  for (const Node *node : transposed.loads)
    tiles.push_back(frame.allocate(lanes * lanes, node->element));
  auto open = [&](Value low, Value high, int64_t step) {
    Operation *loop = k.loop(low, high, step);
    emitter.open(loop);
    return Value(loop->getRegion(0).getArgument(0));
  };
  TaskPlan plan = planTiles(emitter.getLoops(), tiled, vectorLoop, lanes, emitter.getSpace());
  emitTasks(frame, emitter, plan, tiled, [&](Value low, Value high) {
    Value block = open(low, high, tilesAbreast * lanes);
    Value row = open(k.index(0), k.index(height), lanes);
    emitter.bind(vectorLoop, row);
    emitter.aligned = true;
    Value lastRow;
    if (height % lanes) {
      Value rows = k.sub(k.index(height), row);
      emitter.mask = k.firstLanes(rows, lanes);
      lastRow = k.add(rows, -1);
    }
    Value column = open(block, k.min(k.add(block, tilesAbreast * lanes), high), lanes);
    emitter.bind(tiled, column);
    Value left = k.sub(high, column), columns;
    if (width % lanes) columns = k.firstLanes(left, lanes);
    for (auto [node, tile] : llvm::zip(transposed.loads, tiles))
      transposeInto(k, emitter, node, tile, node->index.stride(vectorLoop), lastRow, columns);
    Value inTile = open(k.index(0), k.min(left, k.index(lanes)), 1);
    emitter.bind(tiled, k.add(column, inTile));
    for (auto [node, tile] : llvm::zip(transposed.loads, tiles))
      emitter.give(node, k.load(tile, k.mul(inTile, lanes), lanes, Value(), node->element));
    body();
    emitter.mask = Value();
    for (int i = 0; i < 4; ++i) emitter.close();
  });
}

} // namespace weir::codegen
