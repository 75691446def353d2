// Chooses how a dot is cut up. Loops that run on in memory are merged first; then the register tile
// with the least estimated cycles is taken; blocks follow from the sizes of the caches.
#include "codegen/cpu/dot/dot.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace weir::codegen {

static int64_t ceilDiv(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// `part`, or less, down to half of it, where that divides `total`.
static int64_t evenPart(int64_t total, int64_t part) {
  for (int64_t even = part; 2 * even >= part && even > 0; --even)
    if (total % even == 0) return even;
  return part;
}

DotProblem denseDot(ArrayRef<int64_t> lhsShape, ArrayRef<int64_t> rhsShape,
                    ArrayRef<int64_t> lhsBatch, ArrayRef<int64_t> rhsBatch,
                    ArrayRef<int64_t> lhsContract, ArrayRef<int64_t> rhsContract,
                    int64_t elementBytes) {
  auto stridesOf = [](ArrayRef<int64_t> shape) {
    SmallVector<int64_t> strides(shape.size(), 1);
    for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
      strides[i] = strides[i + 1] * shape[i + 1];
    return strides;
  };
  SmallVector<int64_t> lhs = stridesOf(lhsShape), rhs = stridesOf(rhsShape);
  DotProblem problem;
  problem.elementBytes = elementBytes;
  for (auto [l, r] : zip(lhsBatch, rhsBatch))
    problem.batch.push_back({lhsShape[l], lhs[l], rhs[r], 0});
  for (auto [l, r] : zip(lhsContract, rhsContract))
    problem.contract.push_back({lhsShape[l], lhs[l], rhs[r], 0});
  for (int64_t i = 0; i < int64_t(lhsShape.size()); ++i)
    if (!is_contained(lhsBatch, i) && !is_contained(lhsContract, i))
      problem.rows.push_back({lhsShape[i], lhs[i], 0, 0});
  for (int64_t i = 0; i < int64_t(rhsShape.size()); ++i)
    if (!is_contained(rhsBatch, i) && !is_contained(rhsContract, i))
      problem.columns.push_back({rhsShape[i], 0, rhs[i], 0});
  int64_t stride = 1;
  for (auto *dims : {&problem.columns, &problem.rows, &problem.batch})
    for (DotDim &dim : reverse(*dims)) {
      dim.result = stride;
      stride *= dim.size;
    }
  return problem;
}

/// Merges neighbours that together run like one loop in every tensor; drops loops of one step.
static SmallVector<DotDim> mergeDims(ArrayRef<DotDim> dims) {
  SmallVector<DotDim> merged;
  for (const DotDim &dim : dims) {
    if (dim.size == 1) continue;
    if (!merged.empty()) {
      DotDim &outer = merged.back();
      if (outer.lhs == dim.lhs * dim.size && outer.rhs == dim.rhs * dim.size &&
          outer.result == dim.result * dim.size) {
        outer = {outer.size * dim.size, dim.lhs, dim.rhs, dim.result};
        continue;
      }
    }
    merged.push_back(dim);
  }
  return merged;
}

/// Half cycles of one step in k for a tile of `rows` rows and `vectors` vectors: two multiply-adds
/// or two loads a cycle, a latency of four cycles, and some for the loop and the rhs, which comes
/// from beyond the L1.
static double stepCost(int64_t rows, int64_t vectors) {
  return double(std::max<int64_t>({rows * vectors, 8, rows + vectors}) + 1) + 0.5 * double(vectors);
}

static constexpr int64_t maxTileRows = 16, maxTileVectors = 8;
static constexpr double moreCode = 1.08;              // what a tile of another size costs
static constexpr int64_t leastColumnsOfLhsCopy = 256; // in a task, for the copy to pay

/// Tries every tile that fits the registers (accumulators, a row of rhs vectors, one broadcast).
static void chooseTile(DotPlan &plan, const TargetInfo &target) {
  int64_t m = plan.rows.size, n = plan.columns.size;
  double best = 0;
  for (int64_t vectors = 1; vectors <= maxTileVectors; ++vectors) {
    int64_t width = std::min(vectors * plan.lanes, n);
    if (ceilDiv(width, plan.lanes) < vectors) break;
    int64_t restWidth = n % width;
    if (plan.panels.size > 1 && restWidth) continue; // the rest of a panel is not a tile of its own
    for (int64_t rows = 1; rows <= std::min(m, maxTileRows); ++rows) {
      if (rows * vectors + vectors + 1 > target.registers) break;
      int64_t restRows = m % rows, restVectors = ceilDiv(restWidth, plan.lanes);
      auto rowOfTiles = [&](int64_t r) {
        double cost = double(n / width) * stepCost(r, vectors);
        return restWidth ? cost + stepCost(r, restVectors) : cost;
      };
      double cost = double(m / rows) * rowOfTiles(rows);
      if (restRows) cost = (cost + rowOfTiles(restRows)) * moreCode;
      if (restWidth) cost *= moreCode;
      if (best && cost >= best) continue;
      best = cost;
      plan.tileRows = rows;
      plan.tileColumns = width;
    }
  }
}

/// Copies what the tiles would otherwise read with a large stride again and again: such lines fall
/// on few cache sets and many pages. A copy must be read often enough to pay for itself.
static void chooseCopies(DotPlan &plan, int64_t elementBytes) {
  if (plan.contract.size() != 1 || plan.sumIsEmpty()) return;
  constexpr int64_t rhsStrideBytes = 1024, lhsStepBytes = 4096, lhsRowBytes = 8192; // measured
  const DotDim &k = plan.contract.front();
  plan.copyRhs = k.rhs * elementBytes >= rhsStrideBytes && plan.rows.size >= 4 * plan.tileRows;
  if (plan.columnTiles() * plan.tileColumns < leastColumnsOfLhsCopy) return;
  bool evenSteps = k.size % plan.lanes == 0;
  if (k.lhs == 1)
    plan.copyLhs = plan.rows.lhs * elementBytes >= lhsRowBytes && evenSteps;
  else
    plan.copyLhs = plan.rows.lhs == 1 && k.lhs * elementBytes >= lhsStepBytes;
}

/// Blocks of rows and of k so that a block of the lhs and a column tile of the rhs stay in the L2.
static void chooseBlocks(DotPlan &plan, const TargetInfo &target, int64_t elementBytes) {
  int64_t targetRows = plan.copyRhs ? 256 : 128; // a block of rows copies the rhs once
  auto tasksOf = [&](int64_t rows) { return plan.columnTiles() * (plan.rows.size / rows); };
  while (plan.copyRhs && !plan.copyLhs && targetRows < 1024 &&
         tasksOf(2 * targetRows) >= target.wantedTasks)
    targetRows *= 2;
  int64_t rowTiles = plan.rows.size / plan.tileRows; // rows left over go with the last block
  int64_t blocks = std::max<int64_t>(1, (plan.rows.size + targetRows / 2) / targetRows);
  plan.tilesPerRowBlock = evenPart(rowTiles, ceilDiv(rowTiles, blocks));
  plan.rowBlocks = ceilDiv(rowTiles, plan.tilesPerRowBlock);
  if (plan.contract.size() != 1) return;
  int64_t size = plan.contract.front().size;
  int64_t bytesPerStep = (128 + plan.tileColumns) * elementBytes;
  int64_t most = std::max<int64_t>(256, target.l2Bytes * 7 / 10 / bytesPerStep);
  if (size <= most) return;
  int64_t even = ceilDiv(size, ceilDiv(size, most));
  plan.contractBlock = ceilDiv(even, plan.lanes) * plan.lanes;
}

/// Enough tasks for many threads to share evenly, none below what is worth handing out: groups of
/// column tiles first, then smaller blocks of rows.
static void chooseTasks(DotPlan &plan, const TargetInfo &target) {
  int64_t outer = 1;
  for (const DotDim &dim : plan.outer) outer *= dim.size;
  int64_t wanted = std::clamp<int64_t>(plan.flops / target.leastTaskFlops, 1, target.wantedTasks);
  int64_t mostGroups = plan.columnTiles();
  if (plan.copyLhs) mostGroups = plan.columnTiles() * plan.tileColumns / leastColumnsOfLhsCopy;
  int64_t groups = std::clamp<int64_t>(ceilDiv(wanted, outer * plan.rowBlocks), 1, mostGroups);
  plan.tilesPerGroup = evenPart(plan.columnTiles(), ceilDiv(plan.columnTiles(), groups));
  plan.columnGroups = ceilDiv(plan.columnTiles(), plan.tilesPerGroup);
  int64_t blocks = ceilDiv(wanted, outer * plan.columnGroups);
  if (blocks > plan.rowBlocks && !plan.copyRhs && !plan.copyLhs) {
    int64_t rowTiles = plan.rows.size / plan.tileRows;
    plan.tilesPerRowBlock = evenPart(rowTiles, ceilDiv(rowTiles, std::min(blocks, rowTiles)));
    plan.rowBlocks = ceilDiv(rowTiles, plan.tilesPerRowBlock);
  }
  plan.tasks = outer * plan.rowBlocks * plan.columnGroups;
}

/// As many column tiles as stay in the L2 and lie one after the other in the result, and in even
/// parts of a group.
static void chooseEpilogue(DotPlan &plan, const TargetInfo &target, int64_t elementBytes) {
  if (plan.panels.size > 1 && plan.panels.result != plan.columns.size) return;
  int64_t fullTiles = plan.panels.size * (plan.columns.size / plan.tileColumns);
  int64_t tileBytes = plan.rowBlock() * plan.tileColumns * elementBytes;
  for (int64_t tiles = plan.tilesPerGroup; tiles > 1; --tiles) {
    if (plan.tilesPerGroup % tiles || fullTiles % tiles) continue;
    if (tiles * tileBytes > target.l2Bytes / 4) continue;
    plan.tilesPerEpilogue = tiles;
    return;
  }
}

/// The loop that a register tile's rows run along: where the lhs is nearest, if it is long enough
/// for a tile; else the longest.
static DotDim *rowsToTile(SmallVectorImpl<DotDim> &rows) {
  constexpr int64_t enough = 6;
  return max_element(rows, [](const DotDim &a, const DotDim &b) {
    bool aFits = a.size >= enough, bFits = b.size >= enough;
    if (aFits != bFits) return bFits;
    return aFits ? a.lhs > b.lhs : a.size < b.size;
  });
}

DotPlan planDot(const DotProblem &problem, const TargetInfo &target) {
  DotPlan plan;
  plan.lanes = target.lanes(problem.elementBytes);
  plan.flops = 2;
  for (auto *dims : {&problem.batch, &problem.rows, &problem.columns, &problem.contract})
    for (const DotDim &dim : *dims) plan.flops *= double(dim.size);

  plan.lhsOffset = problem.lhsOffset;
  plan.contract = mergeDims(problem.contract);
  if (plan.contract.empty()) plan.contract.push_back({});
  plan.outer = mergeDims(problem.batch);
  SmallVector<DotDim> rows = mergeDims(problem.rows);
  if (auto *tiled = rowsToTile(rows); tiled != rows.end()) {
    plan.rows = *tiled;
    rows.erase(tiled);
  }
  plan.outer.append(rows);
  constexpr int64_t widestPanel = 128;
  SmallVector<DotDim> columns = mergeDims(problem.columns);
  if (!columns.empty() && columns.back().rhs == 1) plan.columns = columns.pop_back_val();
  if (!columns.empty() && plan.columns.size <= widestPanel) plan.panels = columns.pop_back_val();
  plan.outer.append(columns);
  auto isEmpty = [](const DotDim &dim) { return dim.size == 0; };
  if (any_of(plan.outer, isEmpty) || isEmpty(plan.rows) || isEmpty(plan.panels) ||
      isEmpty(plan.columns))
    return plan; // no result, no tasks
  chooseTile(plan, target);
  if (!target.warpLanes) chooseCopies(plan, problem.elementBytes); // Warps have no cache each.
  chooseBlocks(plan, target, problem.elementBytes);
  if (!problem.resultHoldsSums) plan.contractBlock = 0;
  chooseTasks(plan, target);
  chooseEpilogue(plan, target, problem.elementBytes);
  plan.scratchBytes = (plan.rhsCopyElements() + plan.lhsCopyElements()) * problem.elementBytes;
  return plan;
}

} // namespace weir::codegen
