// The loops around the register tiles: tasks, blocks of k, column tiles, row tiles. What does not
// divide is done by emitting the tile once more in another size, never by a test in an inner loop.
#include "codegen/cpu/dot/dot.h"
#include "codegen/cpu/dot/emit_tile.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

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
  void copyRhs(Value from, int64_t width);
  void copyLhs();
  void emitRowTiles(const VectorRow &columns, Value rhsAt, Value resultAt);
  void emitRegisterTile(Value firstRow, int64_t rows, const VectorRow &columns, Value rhsAt,
                        Value resultAt);
  Value rowTilesOfBlock();

  const IndexBuilder &ib;
  const DotPlan &plan;
  EmitEpilogue epilogue;
  Type element;
  Value lhs, rhs, result;       // flat
  Value lhsCopy, rhsCopy;       // flat, in scratch; null without copies
  Value rowBlock, group;        // of the task
  Value lhsAt, rhsAt, resultAt; // first element of the task's rows and columns, at the block of k
  Value trips, isFirst, isLast; // of the block of k
  SmallVector<DotDim> contract; // strides of what the tiles read
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
    : ib(ib), plan(plan), epilogue(epilogue), contract(plan.contract) {
  element = cast<MemRefType>(operands.result.getType()).getElementType();
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
  if (plan.packRhs) {
    rhsCopy = fromScratch(0, plan.rhsCopyElements());
    contract.front().rhs = plan.tileColumns;
  }
  if (plan.packLhs) {
    lhsCopy = fromScratch(plan.rhsCopyElements(), plan.lhsCopyElements());
    contract.front().lhs = 1;
  }
}

void DotEmitter::emitTask(Value task) {
  group = ib.rem(task, plan.columnGroups);
  Value rest = ib.div(task, plan.columnGroups);
  rowBlock = ib.rem(rest, plan.rowBlocks);
  rest = ib.div(rest, plan.rowBlocks);
  lhsAt = ib.mul(rowBlock, plan.rowBlock() * plan.rows.lhs);
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
    if (plan.packLhs) copyLhs();
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
  if (plan.packLhs) copyLhs();
  emitColumnGroup();
  lhsAt = lhsStart;
  rhsAt = rhsStart;
}

void DotEmitter::emitColumnGroup() {
  int64_t restWidth = plan.columns.size % plan.tileColumns;
  int64_t fullTiles = plan.columnTiles() - (restWidth ? 1 : 0);
  Value from = ib.mul(group, plan.tilesPerGroup);
  Value to = ib.min(ib.add(from, ib.constant(plan.tilesPerGroup)), ib.constant(fullTiles));
  ib.loop(from, to, 1, [&](Value tile) { emitColumnTile(tile, plan.tileColumns); });
  if (!restWidth) return;
  ib.ifThen(ib.equal(group, ib.constant(plan.columnGroups - 1)),
            [&] { emitColumnTile(ib.constant(fullTiles), restWidth); });
}

void DotEmitter::emitColumnTile(Value tile, int64_t width) {
  Value panel = ib.div(tile, plan.tilesPerPanel());
  Value column = ib.mul(ib.rem(tile, plan.tilesPerPanel()), plan.tileColumns);
  if (plan.panels.size == 1) {
    panel = ib.constant(0);
    column = ib.mul(tile, plan.tileColumns);
  }
  Value rhsTile = ib.add(ib.add(rhsAt, ib.mul(panel, plan.panels.rhs)), column);
  Value resultTile = ib.add(ib.add(resultAt, ib.mul(panel, plan.panels.result)), column);
  if (plan.packRhs) {
    copyRhs(rhsTile, width);
    rhsTile = ib.constant(0);
  }
  emitRowTiles(VectorRow(element, width, plan.lanes), rhsTile, resultTile);
  if (!epilogue) return;
  auto finish = [&] {
    Value firstRow = ib.mul(rowBlock, plan.rowBlock());
    Value rows =
        ib.min(ib.sub(ib.constant(plan.rows.size), firstRow), ib.constant(plan.rowBlock()));
    epilogue(ib.b, ib.loc, DotBlock{resultTile, rows, width, plan.rows.result});
  };
  if (isLast)
    ib.ifThen(isLast, finish);
  else
    finish();
}

/// Row k of the column tile goes to k * tileColumns of the copy.
void DotEmitter::copyRhs(Value from, int64_t width) {
  VectorRow columns(element, width, plan.lanes);
  ib.loop(ib.constant(0), trips, 1, [&](Value k) {
    Value source = ib.add(from, ib.mul(k, plan.contract.front().rhs));
    Value target = ib.mul(k, plan.tileColumns);
    for (int64_t v = 0; v < columns.vectors(); ++v)
      columns.store(ib, columns.load(ib, rhs, source, v), rhsCopy, target, v);
  });
}

/// Rows one after the other, at a distance that is no power of two.
void DotEmitter::copyLhs() {
  Value firstRow = ib.mul(rowBlock, plan.rowBlock());
  Value rows = ib.min(ib.sub(ib.constant(plan.rows.size), firstRow), ib.constant(plan.rowBlock()));
  VectorRow piece(element, plan.lanes, plan.lanes);
  ib.loop(ib.constant(0), rows, 1, [&](Value row) {
    Value source = ib.add(lhsAt, ib.mul(row, plan.rows.lhs));
    Value target = ib.mul(row, plan.lhsCopyStride());
    ib.loop(ib.constant(0), trips, plan.lanes, [&](Value k) {
      piece.store(ib, piece.load(ib, lhs, ib.add(source, k), 0), lhsCopy, ib.add(target, k), 0);
    });
  });
}

/// How many whole tiles the task's block of rows has.
Value DotEmitter::rowTilesOfBlock() {
  int64_t fullTiles = plan.rows.size / plan.tileRows;
  if (fullTiles == plan.rowBlocks * plan.tilesPerRowBlock)
    return ib.constant(plan.tilesPerRowBlock);
  Value left = ib.sub(ib.constant(fullTiles), ib.mul(rowBlock, plan.tilesPerRowBlock));
  return ib.min(left, ib.constant(plan.tilesPerRowBlock));
}

void DotEmitter::emitRowTiles(const VectorRow &columns, Value rhsAt, Value resultAt) {
  Value fullTiles = rowTilesOfBlock();
  ib.loop(ib.constant(0), fullTiles, 1, [&](Value tile) {
    emitRegisterTile(ib.mul(tile, plan.tileRows), plan.tileRows, columns, rhsAt, resultAt);
  });
  int64_t restRows = plan.rows.size % plan.tileRows;
  if (!restRows) return;
  ib.ifThen(ib.equal(rowBlock, ib.constant(plan.rowBlocks - 1)), [&] {
    emitRegisterTile(ib.mul(fullTiles, plan.tileRows), restRows, columns, rhsAt, resultAt);
  });
}

void DotEmitter::emitRegisterTile(Value firstRow, int64_t rows, const VectorRow &columns,
                                  Value rhsAt, Value resultAt) {
  TileOperands tile;
  tile.lhs = plan.packLhs ? lhsCopy : lhs;
  tile.rhs = plan.packRhs ? rhsCopy : rhs;
  tile.result = result;
  tile.lhsRowStride = plan.packLhs ? plan.lhsCopyStride() : plan.rows.lhs;
  tile.resultRowStride = plan.rows.result;
  tile.lhsAt = ib.mul(firstRow, tile.lhsRowStride);
  if (!plan.packLhs) tile.lhsAt = ib.add(lhsAt, tile.lhsAt);
  tile.rhsAt = rhsAt;
  tile.resultAt = ib.add(resultAt, ib.mul(firstRow, plan.rows.result));
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
