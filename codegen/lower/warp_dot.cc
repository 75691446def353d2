// Lane l of a warp has group l / 4 and place l % 4. Of a tile of 16 rows and 16 steps of k it holds
// rows group and group + 8, steps 2 place, 2 place + 1 and those 8 further on; of 16 steps by 8
// columns, column group and the same steps; of the sums, those rows in columns 2 place and
// 2 place + 1. Everything is gathered at that place; what lies outside of the dot is zero.
#include "codegen/lower/warp_dot.h"

#include "codegen/cpu/math/math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace weir::codegen {
namespace {

constexpr int64_t kRows = 16, kColumns = 8, kSteps = 16; // of one mma.sync
constexpr int64_t kSums = 4;                             // of a lane, of one

int64_t roundUp(int64_t size, int64_t part) {
  return (size + part - 1) / part * part;
}

class WarpDot {
public:
  WarpDot(KernelBuilder &k, const WarpDotPlan &plan, Type element, const DotOperands &operands)
      : k(k), plan(plan), element(element), operands(operands), lanes(k.target.warpLanes) {}
  void emit(llvm::function_ref<void(const DotBlock &)> epilogue);

private:
  using Sums = SmallVector<Value>;

  void placeTask(Value task);
  Sums sumOver(size_t dim, Value lhsAt, Value rhsAt, Sums sums);
  Sums addStep(Value step, Value lhsAt, Value rhsAt, Sums sums);
  Value pair(Value memref, Value base, Value offset, int64_t stride, Value mask0, Value mask1);
  Value gather(Value memref, Value base, Value offsets, Value mask);
  void storeSums(const Sums &sums);
  /// Lanes whose place along a dim, `start` + `at`, is below `size`; null: all are.
  Value below(Value at, Value start, int64_t size, int64_t part);
  Value i64(int64_t value) { return k.constantInt(k.b.getI64Type(), value, lanes); }

  KernelBuilder &k;
  const WarpDotPlan &plan;
  Type element;
  const DotOperands &operands;
  int64_t lanes;
  Value group, twicePlace;      // vectors
  Value firstRow, firstColumn;  // of the task
  Value lhsAt, rhsAt, resultAt; // its first elements
};

void WarpDot::placeTask(Value task) {
  Value columnTile = k.remainder(task, plan.columnTiles());
  Value rest = k.divide(task, plan.columnTiles());
  firstRow = k.mul(k.remainder(rest, plan.rowTiles()), plan.tileRows);
  firstColumn = k.mul(columnTile, plan.tileColumns);
  rest = k.divide(rest, plan.rowTiles());
  lhsAt = k.add(k.mul(firstRow, plan.rows.lhs), plan.lhsOffset);
  rhsAt = k.mul(firstColumn, plan.columns.rhs);
  resultAt = k.add(k.mul(firstRow, plan.rows.result), k.mul(firstColumn, plan.columns.result));
  for (size_t i = plan.outer.size(); i-- > 0;) {
    const DotDim &dim = plan.outer[i];
    Value index = i == 0 ? rest : k.remainder(rest, dim.size);
    if (i != 0) rest = k.divide(rest, dim.size);
    lhsAt = k.add(lhsAt, k.mul(index, dim.lhs));
    rhsAt = k.add(rhsAt, k.mul(index, dim.rhs));
    resultAt = k.add(resultAt, k.mul(index, dim.result));
  }
}

Value WarpDot::below(Value at, Value start, int64_t size, int64_t part) {
  if (size % part == 0) return Value();
  Value place = k.add(at, k.splat(k.castInt(start, k.b.getI64Type()), lanes));
  return k.lessThan(place, i64(size));
}

/// 16 bits of each lane, as integers.
Value WarpDot::gather(Value memref, Value base, Value offsets, Value mask) {
  Type stored = cast<MemRefType>(memref.getType()).getElementType();
  auto type = VectorType::get({lanes}, stored), bits = VectorType::get({lanes}, k.b.getI16Type());
  if (!mask) mask = k.constantInt(k.b.getI1Type(), 1, lanes);
  Value zeros = arith::ConstantOp::create(k.b, k.loc, cast<TypedAttr>(k.b.getZeroAttr(type)));
  Value got = vector::GatherOp::create(k.b, k.loc, type, memref, base, offsets, mask, zeros);
  return type == bits ? got : arith::BitcastOp::create(k.b, k.loc, bits, got);
}

/// Two neighbours in k, the lower one in the lower half.
Value WarpDot::pair(Value memref, Value base, Value offset, int64_t stride, Value mask0,
                    Value mask1) {
  auto word = VectorType::get({lanes}, k.b.getI32Type());
  Value low = gather(memref, base, offset, mask0);
  Value high = gather(memref, base, k.add(offset, stride), mask1);
  low = arith::ExtUIOp::create(k.b, k.loc, word, low);
  high = arith::ExtUIOp::create(k.b, k.loc, word, high);
  Value half = k.constantInt(k.b.getI32Type(), 16, lanes);
  return arith::OrIOp::create(k.b, k.loc, low, arith::ShLIOp::create(k.b, k.loc, high, half));
}

/// The products of 16 steps from `step` of the last contracted dim on, added to the sums.
WarpDot::Sums WarpDot::addStep(Value step, Value lhsAt, Value rhsAt, Sums sums) {
  const DotDim &steps = plan.contract.back();
  Value lhsBase = k.add(lhsAt, k.mul(step, steps.lhs)),
        rhsBase = k.add(rhsAt, k.mul(step, steps.rhs));
  // By half of the steps: where the lane's first one is, and which of its two there are.
  Value at[2], inside[2][2];
  for (int64_t half = 0; half < 2; ++half) {
    at[half] = k.add(twicePlace, half * kSteps / 2);
    for (int64_t i = 0; i < 2; ++i)
      inside[half][i] = below(k.add(at[half], i), step, steps.size, kSteps);
  }
  SmallVector<Value> lhs, rhs; // Words, by tile: 4 and 2 of each.
  for (int64_t tile = 0; tile < plan.tileRows; tile += kRows)
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t row : {tile, tile + kRows / 2}) {
        Value exists = below(k.add(group, row), firstRow, plan.rows.size, plan.tileRows);
        Value offset = k.add(k.mul(k.add(group, row), plan.rows.lhs), k.mul(at[half], steps.lhs));
        lhs.push_back(pair(operands.lhs, lhsBase, offset, steps.lhs,
                           k.both(exists, inside[half][0]), k.both(exists, inside[half][1])));
      }
  for (int64_t tile = 0; tile < plan.tileColumns; tile += kColumns)
    for (int64_t half = 0; half < 2; ++half) {
      Value column = k.add(group, tile);
      Value exists = below(column, firstColumn, plan.columns.size, plan.tileColumns);
      Value offset = k.add(k.mul(column, plan.columns.rhs), k.mul(at[half], steps.rhs));
      rhs.push_back(pair(operands.rhs, rhsBase, offset, steps.rhs, k.both(exists, inside[half][0]),
                         k.both(exists, inside[half][1])));
    }
  auto part = VectorType::get({lanes}, k.b.getF32Type());
  auto result = LLVM::LLVMStructType::getLiteral(k.b.getContext(), {part, part, part, part});
  StringAttr name = k.b.getStringAttr(element.isF16() ? "llvm.nvvm.mma.m16n8k16.row.col.f32.f32"
                                                      : "llvm.nvvm.mma.m16n8k16.row.col.bf16");
  Sums next;
  for (size_t i = 0; i < lhs.size(); i += 4)
    for (size_t j = 0; j < rhs.size(); j += 2) {
      SmallVector<Value> arguments{lhs[i], lhs[i + 1], lhs[i + 2], lhs[i + 3], rhs[j], rhs[j + 1]};
      auto before = ArrayRef(sums).slice(next.size(), kSums);
      arguments.append(before.begin(), before.end());
      auto mma = LLVM::CallIntrinsicOp::create(k.b, k.loc, result, name, arguments);
      for (int64_t sum = 0; sum < kSums; ++sum)
        next.push_back(
            LLVM::ExtractValueOp::create(k.b, k.loc, mma->getResult(0), ArrayRef<int64_t>{sum}));
    }
  return next;
}

/// Loops over the contracted dims from `dim` on.
WarpDot::Sums WarpDot::sumOver(size_t dim, Value lhs, Value rhs, Sums sums) {
  const DotDim &over = plan.contract[dim];
  const bool isLast = dim + 1 == plan.contract.size();
  Operation *loop = k.loop(k.index(0), k.index(over.size), isLast ? kSteps : 1, sums);
  Block &body = loop->getRegion(0).front();
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToEnd(&body);
  Value at = body.getArgument(0);
  Sums carried(body.getArguments().drop_front());
  Sums next = isLast ? addStep(at, lhs, rhs, carried)
                     : sumOver(dim + 1, k.add(lhs, k.mul(at, over.lhs)),
                               k.add(rhs, k.mul(at, over.rhs)), carried);
  k.yield(next);
  return Sums(loop->getResults());
}

void WarpDot::storeSums(const Sums &sums) {
  Type stored = cast<MemRefType>(operands.result.getType()).getElementType();
  ImplicitLocOpBuilder b(k.loc, k.b);
  size_t next = 0;
  for (int64_t tileRow = 0; tileRow < plan.tileRows; tileRow += kRows)
    for (int64_t tileColumn = 0; tileColumn < plan.tileColumns; tileColumn += kColumns)
      for (int64_t i = 0; i < kSums; ++i) {
        Value row = k.add(group, tileRow + i / 2 * (kRows / 2));
        Value column = k.add(twicePlace, tileColumn + i % 2);
        Value mask = k.both(below(row, firstRow, plan.rows.size, plan.tileRows),
                            below(column, firstColumn, plan.columns.size, plan.tileColumns));
        if (!mask) mask = k.constantInt(k.b.getI1Type(), 1, lanes);
        Value value = sums[next++];
        if (!stored.isF32())
          value = emitNarrow(b, value, stored.isF16() ? stored : b.getBF16Type(),
                             /*isRounded=*/false);
        Value offset = k.add(k.mul(row, plan.rows.result), k.mul(column, plan.columns.result));
        vector::ScatterOp::create(k.b, k.loc, Type(), operands.result, resultAt, offset, mask,
                                  value);
      }
}

void WarpDot::emit(llvm::function_ref<void(const DotBlock &)> epilogue) {
  Value lane = k.ramp(k.b.getI64Type(), 0, 1, lanes);
  group = k.divide(lane, 4);
  twicePlace = k.mul(k.remainder(lane, 4), 2);
  Operation *tasks = k.loop(operands.begin, operands.end, 1);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(&tasks->getRegion(0).front());
  placeTask(tasks->getRegion(0).getArgument(0));
  const int64_t tiles = (plan.tileRows / kRows) * (plan.tileColumns / kColumns);
  Value zero = k.constant(k.b.getF32FloatAttr(0), lanes);
  storeSums(sumOver(0, lhsAt, rhsAt, Sums(size_t(tiles * kSums), zero)));
  if (!epilogue) return;
  Value rows = k.min(k.sub(k.index(plan.rows.size), firstRow), k.index(plan.tileRows));
  const int64_t rest = plan.columns.size % plan.tileColumns;
  auto finish = [&](int64_t columns) {
    if (columns > 0) epilogue({resultAt, rows, columns, plan.rows.result});
  };
  if (!rest) return finish(plan.tileColumns);
  Value isWhole =
      k.lessThan(firstColumn, k.index(plan.columns.size / plan.tileColumns * plan.tileColumns));
  Operation *branch = k.branch(isWhole);
  for (int64_t region : {0, 1}) {
    k.b.setInsertionPointToStart(&branch->getRegion(unsigned(region)).front());
    finish(region == 0 ? plan.tileColumns : rest);
  }
}

} // namespace

std::optional<WarpDotPlan> planWarpDot(const DotPlan &plan, Type element,
                                       const TargetInfo &target) {
  const bool isNarrow = element.isF16() || element.isBF16();
  constexpr int64_t leastRows = 8, leastColumns = 8, leastSteps = 8;
  if (!target.warpLanes || !isNarrow || plan.tasks == 0 || plan.sumIsEmpty() ||
      plan.rows.size < leastRows || plan.columns.size < leastColumns ||
      plan.contract.back().size < leastSteps)
    return std::nullopt;
  WarpDotPlan warp;
  warp.outer = plan.outer;
  if (plan.panels.size > 1) warp.outer.push_back(plan.panels);
  warp.contract = plan.contract;
  warp.rows = plan.rows;
  warp.columns = plan.columns;
  warp.lhsOffset = plan.lhsOffset;
  // 64 sums a lane at most; less where that leaves multiprocessors without a task.
  constexpr int64_t mostRows = 64, mostColumns = 32, wanted = 1024;
  warp.tileRows = std::min(mostRows, roundUp(plan.rows.size, kRows));
  warp.tileColumns = std::min(mostColumns, roundUp(plan.columns.size, kColumns));
  int64_t outer = 1;
  for (const DotDim &dim : warp.outer) outer *= dim.size;
  auto tasks = [&] { return outer * warp.rowTiles() * warp.columnTiles(); };
  while (warp.tileRows > kRows && tasks() < wanted) warp.tileRows -= kRows;
  while (warp.tileColumns > 2 * kColumns && tasks() < wanted) warp.tileColumns -= kColumns;
  warp.tasks = tasks();
  return warp;
}

void emitWarpDot(KernelBuilder &k, const WarpDotPlan &plan, Type element,
                 const DotOperands &operands, llvm::function_ref<void(const DotBlock &)> epilogue) {
  WarpDot(k, plan, element, operands).emit(epilogue);
}

} // namespace weir::codegen
