// The loops around the register tiles: tasks, blocks of k, column tiles, row tiles. What does not
// divide is done by emitting the tile once more in another size, never by a test in an inner loop.
#include "codegen/cpu/dot/dot.h"
#include "codegen/cpu/dot/emit_tile.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {

namespace {

/// Emits one dot; members hold the values of the loops that are open.
class DotEmitter {
public:
  DotEmitter(const IndexBuilder &ib, const DotPlan &plan, const DotOperands &operands,
             EmitEpilogue epilogue);
  void emitTask(Value task);

private:
  void emitContractBlock(Value k);
  void emitColumnGroup();
  void emitColumnTile(Value tile, int64_t width);
  void emitEpilogue(Value first, int64_t width);
  Value columnOffset(Value tile, int64_t panelStride) const;
  void emitLhsCopy();
  void copyLhsRows();
  void copyLhsTiles();
  void copyLhsTile(Value firstRow, int64_t rows, Value k);
  void emitRowTiles(const VectorRow &columns, Value rhsTile, Value resultTile);
  void emitRegisterTile(Value firstRow, int64_t rows, const VectorRow &columns, Value rhsTile,
                        Value resultTile, bool fromCopy);
  Value isLastRowBlock() const;
  Value rowTilesOfBlock() const;
  Value rowsOfBlock() const;

  const IndexBuilder &ib;
  const DotPlan &plan;
  EmitEpilogue epilogue;
  Type element;
  Value lhs, rhs, result;       // flat
  Value lhsCopy, rhsCopy;       // flat, in scratch; null without copies
  Value rowBlock, group;        // of the task
  Value lhsAt, rhsAt, resultAt; // first element of the task's rows and columns, at the block of k
  Value trips, isFirst, isLast; // of the block of k
};

} // namespace

static Value flatten(const IndexBuilder &ib, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t elements = type.getNumElements();
  if (type.getRank() == 1) return buffer;
  auto flat = MemRefType::get({elements}, type.getElementType());
  return memref::ReinterpretCastOp::create(ib.b, ib.loc, flat, buffer, /*offset=*/0,
                                           ArrayRef<int64_t>{elements}, ArrayRef<int64_t>{1});
}

DotEmitter::DotEmitter(const IndexBuilder &ib, const DotPlan &plan, const DotOperands &operands,
                       EmitEpilogue epilogue)
    : ib(ib), plan(plan), epilogue(epilogue) {
  element = operands.sums;
  if (!element) element = sumType(cast<MemRefType>(operands.result.getType()).getElementType());
  if (!plan.sumIsEmpty()) {
    lhs = flatten(ib, operands.lhs);
    rhs = flatten(ib, operands.rhs);
  }
  result = flatten(ib, operands.result);
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  auto fromScratch = [&](int64_t offset, int64_t elements) -> Value {
    return memref::ViewOp::create(ib.b, ib.loc, MemRefType::get({elements}, element),
                                  operands.scratch, ib.constant(offset * elementBytes),
                                  ValueRange());
  };
  if (plan.copyRhs) rhsCopy = fromScratch(0, plan.rhsCopyElements());
  if (plan.copyLhs) lhsCopy = fromScratch(plan.rhsCopyElements(), plan.lhsCopyElements());
}

void DotEmitter::emitTask(Value task) {
  group = ib.rem(task, plan.columnGroups);
  Value rest = ib.div(task, plan.columnGroups);
  rowBlock = ib.rem(rest, plan.rowBlocks);
  rest = ib.div(rest, plan.rowBlocks);
  lhsAt = ib.add(ib.mul(rowBlock, plan.rowBlock() * plan.rows.lhs), ib.constant(plan.lhsOffset));
  rhsAt = ib.constant(0);
  resultAt = ib.mul(rowBlock, plan.rowBlock() * plan.rows.result);
  for (size_t i = plan.outer.size(); i-- > 0;) {
    const DotDim &dim = plan.outer[i];
    Value index = i == 0 ? rest : ib.rem(rest, dim.size);
    if (i != 0) rest = ib.div(rest, dim.size);
    lhsAt = ib.add(lhsAt, ib.mul(index, dim.lhs));
    rhsAt = ib.add(rhsAt, ib.mul(index, dim.rhs));
    resultAt = ib.add(resultAt, ib.mul(index, dim.result));
  }
  if (plan.contractBlocks() == 1) {
    trips = ib.constant(plan.contract.front().size);
    if (plan.copyLhs) emitLhsCopy();
    return emitColumnGroup();
  }
  Value size = ib.constant(plan.contract.front().size);
  ib.loop(ib.constant(0), size, plan.contractBlock, [&](Value k) { emitContractBlock(k); });
}

void DotEmitter::emitContractBlock(Value k) {
  Value lhsStart = lhsAt, rhsStart = rhsAt;
  Value left = ib.sub(ib.constant(plan.contract.front().size), k);
  trips = ib.min(left, ib.constant(plan.contractBlock));
  isFirst = ib.equal(k, ib.constant(0));
  isLast = ib.equal(left, trips);
  lhsAt = ib.add(lhsAt, ib.mul(k, plan.contract.front().lhs));
  rhsAt = ib.add(rhsAt, ib.mul(k, plan.contract.front().rhs));
  if (plan.copyLhs) emitLhsCopy();
  emitColumnGroup();
  lhsAt = lhsStart;
  rhsAt = rhsStart;
}

void DotEmitter::emitColumnGroup() {
  int64_t restWidth = plan.columns.size % plan.tileColumns;
  int64_t fullTiles = plan.columnTiles() - (restWidth ? 1 : 0);
  Value from = ib.mul(group, plan.tilesPerGroup);
  Value to = ib.min(ib.add(from, ib.constant(plan.tilesPerGroup)), ib.constant(fullTiles));
  int64_t together = epilogue ? plan.tilesPerEpilogue : 1;
  ib.loop(from, to, together, [&](Value first) {
    ib.loop(ib.constant(0), ib.constant(together), 1,
            [&](Value i) { emitColumnTile(ib.add(first, i), plan.tileColumns); });
    emitEpilogue(first, together * plan.tileColumns);
  });
  if (!restWidth) return;
  ib.ifThen(ib.equal(group, ib.constant(plan.columnGroups - 1)), [&] {
    emitColumnTile(ib.constant(fullTiles), restWidth);
    emitEpilogue(ib.constant(fullTiles), restWidth);
  });
}

/// Lets the caller finish `width` columns from column tile `first` on, after the last block of k.
void DotEmitter::emitEpilogue(Value first, int64_t width) {
  if (!epilogue) return;
  auto finish = [&] {
    Value at = ib.add(resultAt, columnOffset(first, plan.panels.result));
    epilogue(ib.b, ib.loc, DotBlock{at, rowsOfBlock(), width, plan.rows.result});
  };
  if (isLast)
    ib.ifThen(isLast, finish);
  else
    finish();
}

/// Distance of a column tile's first element from the task's.
Value DotEmitter::columnOffset(Value tile, int64_t panelStride) const {
  if (plan.panels.size == 1) return ib.mul(tile, plan.tileColumns);
  Value panel = ib.mul(ib.div(tile, plan.tilesPerPanel()), panelStride);
  return ib.add(panel, ib.mul(ib.rem(tile, plan.tilesPerPanel()), plan.tileColumns));
}

void DotEmitter::emitColumnTile(Value tile, int64_t width) {
  Value rhsTile = ib.add(rhsAt, columnOffset(tile, plan.panels.rhs));
  Value resultTile = ib.add(resultAt, columnOffset(tile, plan.panels.result));
  emitRowTiles(VectorRow(element, width, plan.lanes), rhsTile, resultTile);
}

void DotEmitter::emitLhsCopy() {
  plan.lhsIsByTiles() ? copyLhsTiles() : copyLhsRows();
}

/// Rows one after the other, at a distance that is no power of two.
void DotEmitter::copyLhsRows() {
  VectorRow piece(element, plan.lanes, plan.lanes);
  ib.loop(ib.constant(0), rowsOfBlock(), 1, [&](Value row) {
    Value source = ib.add(lhsAt, ib.mul(row, plan.rows.lhs));
    Value target = ib.mul(row, plan.lhsCopyStride());
    ib.loop(ib.constant(0), trips, plan.lanes, [&](Value k) {
      piece.store(ib, piece.load(ib, lhs, ib.add(source, k), 0), lhsCopy, ib.add(target, k), 0);
    });
  });
}

/// Step by step in k, the rows of each tile together.
void DotEmitter::copyLhsTiles() {
  ib.loop(ib.constant(0), trips, 1, [&](Value k) {
    Value fullTiles = rowTilesOfBlock();
    ib.loop(ib.constant(0), fullTiles, 1,
            [&](Value tile) { copyLhsTile(ib.mul(tile, plan.tileRows), plan.tileRows, k); });
    int64_t rest = plan.rows.size % plan.tileRows;
    if (!rest) return;
    ib.ifThen(isLastRowBlock(), [&] { copyLhsTile(ib.mul(fullTiles, plan.tileRows), rest, k); });
  });
}

void DotEmitter::copyLhsTile(Value firstRow, int64_t rows, Value k) {
  int64_t lanes = std::min<int64_t>(plan.lanes, llvm::PowerOf2Ceil(rows));
  VectorRow tile(element, rows, lanes);
  Value from = ib.add(ib.add(lhsAt, firstRow), ib.mul(k, plan.contract.front().lhs));
  Value to = ib.add(ib.mul(firstRow, plan.lhsCopyStride()), ib.mul(k, plan.tileRows));
  for (int64_t v = 0; v < tile.vectors(); ++v)
    tile.store(ib, tile.load(ib, lhs, from, v), lhsCopy, to, v);
}

Value DotEmitter::isLastRowBlock() const {
  return ib.equal(rowBlock, ib.constant(plan.rowBlocks - 1));
}

/// How many whole tiles the task's block of rows has: at least one.
Value DotEmitter::rowTilesOfBlock() const {
  int64_t fullTiles = plan.rows.size / plan.tileRows;
  if (fullTiles == plan.rowBlocks * plan.tilesPerRowBlock)
    return ib.constant(plan.tilesPerRowBlock);
  Value left = ib.sub(ib.constant(fullTiles), ib.mul(rowBlock, plan.tilesPerRowBlock));
  return ib.min(left, ib.constant(plan.tilesPerRowBlock));
}

Value DotEmitter::rowsOfBlock() const {
  Value rows = ib.mul(rowTilesOfBlock(), plan.tileRows);
  int64_t rest = plan.rows.size % plan.tileRows;
  return rest ? ib.add(rows, ib.select(isLastRowBlock(), rest, 0)) : rows;
}

/// When the rhs is copied, the first tile reads the original and writes the copy on the way: its
/// cache misses overlap with its arithmetic.
void DotEmitter::emitRowTiles(const VectorRow &columns, Value rhsTile, Value resultTile) {
  Value zero = ib.constant(0);
  if (plan.copyRhs)
    emitRegisterTile(zero, plan.tileRows, columns, rhsTile, resultTile, /*fromCopy=*/false);
  Value fullTiles = rowTilesOfBlock();
  ib.loop(ib.constant(plan.copyRhs ? 1 : 0), fullTiles, 1, [&](Value tile) {
    emitRegisterTile(ib.mul(tile, plan.tileRows), plan.tileRows, columns, rhsTile, resultTile,
                     plan.copyRhs);
  });
  int64_t rest = plan.rows.size % plan.tileRows;
  if (!rest) return;
  ib.ifThen(isLastRowBlock(), [&] {
    emitRegisterTile(ib.mul(fullTiles, plan.tileRows), rest, columns, rhsTile, resultTile,
                     plan.copyRhs);
  });
}

void DotEmitter::emitRegisterTile(Value firstRow, int64_t rows, const VectorRow &columns,
                                  Value rhsTile, Value resultTile, bool fromCopy) {
  SmallVector<DotDim> contract(plan.contract);
  TileOperands tile;
  tile.rhs = rhs;
  tile.rhsAt = rhsTile;
  if (fromCopy) {
    tile.rhs = rhsCopy;
    tile.rhsAt = ib.constant(0);
    contract.front().rhs = plan.tileColumns;
  } else if (plan.copyRhs) {
    tile.rhsCopy = rhsCopy;
    tile.rhsCopyAt = ib.constant(0);
    tile.rhsCopyStride = plan.tileColumns;
  }
  tile.lhs = lhs;
  tile.lhsRowStride = plan.rows.lhs;
  tile.lhsAt = ib.add(lhsAt, ib.mul(firstRow, plan.rows.lhs));
  if (plan.copyLhs) {
    tile.lhs = lhsCopy;
    tile.lhsAt = ib.mul(firstRow, plan.lhsCopyStride());
    tile.lhsRowStride = plan.lhsIsByTiles() ? 1 : plan.lhsCopyStride();
    contract.front().lhs = plan.lhsIsByTiles() ? plan.tileRows : 1;
  }
  tile.result = result;
  tile.resultRowStride = plan.rows.result;
  tile.resultAt = ib.add(resultTile, ib.mul(firstRow, plan.rows.result));
  tile.contract = contract;
  tile.trips = trips;
  tile.isFirst = isFirst;
  emitTile(ib, tile, rows, columns);
}

void emitDot(OpBuilder &b, Location loc, const DotPlan &plan, const DotOperands &operands,
             EmitEpilogue epilogue) {
  if (plan.tasks == 0) return;
  IndexBuilder ib{b, loc};
  DotEmitter emitter(ib, plan, operands, epilogue);
  ib.loop(operands.begin, operands.end, 1, [&](Value task) { emitter.emitTask(task); });
}

} // namespace weir::codegen
