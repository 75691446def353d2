// Tiles of transposed loads.
#include "codegen/lower/transposed_loads.h"

#include "codegen/lower/nest.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace weir::codegen {

/// Tiles side by side before the next rows: whole runs of cache lines are read from each row.
constexpr int64_t tilesAbreast = 4;

/// Rows that are transposed at a time: as many elements as 16 bytes, the pieces that registers move
/// elements within.
static int64_t rowsAtOnce(const Node *node) {
  constexpr int64_t pieceBytes = 16, most = 4;
  return std::min(most, pieceBytes / KernelBuilder::bytesOf(node->element));
}

/// The loop along which a strided load is dense, if it is worth tiling.
static std::optional<unsigned> denseLoop(const Node &node, ArrayRef<Loop> loops,
                                         unsigned vectorLoop, int64_t lanes) {
  bool plain = node.kind == Node::Load && !node.guard && node.index.terms.empty();
  if (!plain || std::abs(node.index.stride(vectorLoop)) <= 1) return std::nullopt;
  if (lanes < rowsAtOnce(&node)) return std::nullopt;
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
static TaskPlan planTiles(const TargetInfo &target, ArrayRef<Loop> loops, unsigned tiled,
                          unsigned vectorLoop, int64_t lanes, const IndexSpace &space) {
  constexpr int64_t enough = 32, leastElements = 4096;
  SmallVector<unsigned> outer;
  for (unsigned i = 0; i < loops.size(); ++i)
    if (i != tiled && i != vectorLoop) outer.push_back(i);
  TaskPlan plan = planTasks(target, space, outer, tiled, lanes, /*splitVectorLoop=*/false);
  if (plan.tasks >= enough || plan.collapsed < outer.size()) return plan;
  int64_t size = loops[tiled].size, ofTile = lanes * loops[vectorLoop].size;
  int64_t tiles = std::max(llvm::divideCeil(leastElements, ofTile),
                           llvm::divideCeil(llvm::divideCeil(size, lanes), enough));
  plan.chunkSize = tiles * lanes;
  plan.chunks = llvm::divideCeil(size, plan.chunkSize);
  plan.tasks *= plan.chunks;
  return plan;
}

/// Within each group of rows.size() lanes, lane j of row i becomes lane i of row j.
static SmallVector<Value> transposeGroups(KernelBuilder &k, SmallVector<Value> rows) {
  int64_t group = rows.size(), lanes = KernelBuilder::lanesOf(rows[0]);
  for (int64_t stage = 1; stage < group; stage *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < group / 2; ++i)
      for (int64_t half = 0; half < 2; ++half) { // Interleave two rows' low or high halves.
        SmallVector<int64_t> pattern;
        for (int64_t lane = 0; lane < lanes; ++lane) {
          int64_t within = lane % group;
          int64_t from = lane - within + half * group / 2 + within / 2;
          pattern.push_back(within % 2 ? lanes + from : from);
        }
        next.push_back(k.shuffle(rows[i], rows[i + group / 2], pattern));
      }
    rows = std::move(next);
  }
  return rows;
}

/// Takes a few elements of a column, from row `start` of the tile on.
using TakePiece = function_ref<void(Value piece, Value start, int64_t column)>;

/// Reads the tile of `node` at the loops' counters and hands out its transposition, a few rows at a
/// time, so that the code stays small. Rows after `lastRow` are not there, nor are columns without
/// their lane of `columns` (null: all are).
static void transposeTile(KernelBuilder &k, Emitter &emitter, const Node *node, int64_t stride,
                          Value lastRow, Value columns, TakePiece take) {
  int64_t lanes = emitter.getLanes(), group = rowsAtOnce(node);
  Value first = emitter.flat(node->index);
  Operation *loop = k.loop(k.index(0), k.index(lanes), group);
  emitter.open(loop);
  Value start = loop->getRegion(0).getArgument(0);
  SmallVector<Value> rows;
  for (int64_t i = 0; i < group; ++i) {
    Value row = k.add(start, i);
    if (lastRow) row = k.min(row, lastRow);
    rows.push_back(k.loadStored(emitter.buffers.lookup(node->value),
                                k.add(first, k.mul(row, stride)), lanes, columns));
  }
  rows = transposeGroups(k, std::move(rows));
  for (int64_t piece = 0; piece < lanes; piece += group)
    for (int64_t i = 0; i < group; ++i) {
      auto part = llvm::to_vector(llvm::seq<int64_t>(piece, piece + group));
      take(k.shuffle(rows[i], rows[i], part), start, piece + i);
    }
  emitter.close();
}

/// Whether the rows of a tile at this distance can lie in the nearest cache at once: its sets
/// repeat every page.
static bool fitsSets(int64_t rowBytes, int64_t rows) {
  constexpr int64_t page = 4096, fewWays = 4;
  return rows * std::gcd(rowBytes, page) <= fewWays * page;
}

void emitTransposed(Frame &frame, Emitter &emitter, const TransposedLoads &transposed,
                    unsigned vectorLoop, ArrayRef<Node *> roots, const Affine &flat,
                    function_ref<void()> body) {
  KernelBuilder &k = frame.k;
  int64_t lanes = emitter.getLanes();
  unsigned tiled = transposed.loop;
  int64_t height = emitter.getLoops()[vectorLoop].size, width = emitter.getLoops()[tiled].size;
  // A kernel that only transposes stores whole tiles as they come.
  auto isPlainRoot = [&](Node *root) {
    int64_t rowBytes = flat.stride(tiled) * KernelBuilder::bytesOf(root->element);
    return llvm::is_contained(transposed.loads, root) && fitsSets(rowBytes, lanes);
  };
  bool isPlain = height % lanes == 0 && width % lanes == 0 && llvm::all_of(roots, isPlainRoot);
  SmallVector<Value> tiles;
  for (const Node *node : isPlain ? ArrayRef<const Node *>() : transposed.loads)
    tiles.push_back(frame.allocate(lanes * lanes, node->element));
  auto open = [&](Value low, Value high, int64_t step) {
    Operation *loop = k.loop(low, high, step);
    emitter.open(loop);
    return Value(loop->getRegion(0).getArgument(0));
  };
  TaskPlan plan =
      planTiles(k.target, emitter.getLoops(), tiled, vectorLoop, lanes, emitter.getSpace());
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
    auto transpose = [&](const Node *node, TakePiece take) {
      transposeTile(k, emitter, node, node->index.stride(vectorLoop), lastRow, columns, take);
    };
    if (isPlain) {
      for (auto [root, memref] : llvm::zip(roots, frame.results))
        transpose(root, [&, memref = memref](Value piece, Value start, int64_t inTile) {
          Value at = k.add(emitter.flat(flat), inTile * flat.stride(tiled));
          k.store(piece, memref, k.add(at, start), Value());
        });
      for (int i = 0; i < 3; ++i) emitter.close();
      return;
    }
    for (auto [node, tile] : llvm::zip(transposed.loads, tiles))
      transpose(node, [&, tile = tile](Value piece, Value start, int64_t inTile) {
        k.store(piece, tile, k.add(start, inTile * lanes), Value());
      });
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
