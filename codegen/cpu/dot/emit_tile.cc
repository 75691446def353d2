// The accumulators are carried through the loops over k as vectors, so they live in registers; each
// step loads a row of the rhs once and broadcasts one element of the lhs per row.
#include "codegen/cpu/dot/emit_tile.h"

#include "codegen/cpu/math/math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace weir::codegen {

static std::optional<int64_t> constantOf(Value value) {
  return getConstantIntValue(value);
}

Value IndexBuilder::constant(int64_t value) const {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value IndexBuilder::add(Value x, Value y) const {
  return b.createOrFold<arith::AddIOp>(loc, x, y);
}

Value IndexBuilder::mul(Value x, int64_t factor) const {
  if (factor == 1) return x;
  return b.createOrFold<arith::MulIOp>(loc, x, constant(factor));
}

Value IndexBuilder::div(Value x, int64_t divisor) const {
  if (divisor == 1) return x;
  return b.createOrFold<arith::DivUIOp>(loc, x, constant(divisor));
}

Value IndexBuilder::rem(Value x, int64_t divisor) const {
  if (divisor == 1) return constant(0);
  return b.createOrFold<arith::RemUIOp>(loc, x, constant(divisor));
}

Value IndexBuilder::sub(Value x, Value y) const {
  return b.createOrFold<arith::SubIOp>(loc, x, y);
}

Value IndexBuilder::min(Value x, Value y) const {
  return b.createOrFold<arith::MinSIOp>(loc, x, y);
}

Value IndexBuilder::select(Value condition, int64_t x, int64_t y) const {
  return b.createOrFold<arith::SelectOp>(loc, condition, constant(x), constant(y));
}

Value IndexBuilder::equal(Value x, Value y) const {
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x, y);
}

void IndexBuilder::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) const {
  auto first = constantOf(from), last = constantOf(to);
  if (first && last && *first >= *last) return;
  if (first && last && *last - *first <= step) return body(from);
  auto loop = scf::ForOp::create(b, loc, from, to, constant(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value>
IndexBuilder::loopCarrying(Value from, Value to, ArrayRef<Value> init,
                           function_ref<SmallVector<Value>(Value, ArrayRef<Value>)> body) const {
  auto first = constantOf(from), last = constantOf(to);
  if (first && last && *last - *first == 1) return body(from, init);
  auto loop = scf::ForOp::create(b, loc, from, to, constant(1), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> carried(loop.getRegionIterArgs());
  SmallVector<Value> results = body(loop.getInductionVar(), carried);
  scf::YieldOp::create(b, loc, results);
  return SmallVector<Value>(loop.getResults());
}

void IndexBuilder::ifThen(Value condition, function_ref<void()> body) const {
  if (auto known = constantOf(condition)) {
    if (*known) body();
    return;
  }
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

VectorType VectorRow::type() const {
  return VectorType::get({lanes}, element);
}

Value VectorRow::mask(const IndexBuilder &ib, int64_t v) const {
  int64_t valid = columns - v * lanes;
  if (valid >= lanes) return nullptr;
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), valid, true);
  auto type = VectorType::get({lanes}, ib.b.getI1Type());
  return arith::ConstantOp::create(ib.b, ib.loc, DenseElementsAttr::get(type, bits));
}

Type sumType(Type element) {
  if (element.getIntOrFloatBitWidth() >= 32) return element;
  MLIRContext *context = element.getContext();
  return isa<FloatType>(element) ? Type(Float32Type::get(context)) : IntegerType::get(context, 32);
}

/// `like` with another element type.
static Type withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

static Type halfIn(Type inMemory) {
  return inMemory.isF16() ? inMemory : BFloat16Type::get(inMemory.getContext());
}

Value widened(const IndexBuilder &ib, Value stored, Type sums) {
  Type inMemory = getElementTypeOrSelf(stored.getType());
  if (inMemory == sums) return stored;
  ImplicitLocOpBuilder b(ib.loc, ib.b);
  if (isa<FloatType>(sums)) return emitWiden(b, stored, halfIn(inMemory));
  return arith::ExtSIOp::create(b, withElement(stored.getType(), sums), stored);
}

static Value narrowed(const IndexBuilder &ib, Value sum, Type inMemory) {
  Type sums = getElementTypeOrSelf(sum.getType());
  if (inMemory == sums) return sum;
  ImplicitLocOpBuilder b(ib.loc, ib.b);
  if (isa<FloatType>(sums)) return emitNarrow(b, sum, halfIn(inMemory), /*isRounded=*/false);
  return arith::TruncIOp::create(b, withElement(sum.getType(), inMemory), sum);
}

Value VectorRow::load(const IndexBuilder &ib, Value memref, Value at, int64_t v) const {
  Value index = ib.add(at, ib.constant(v * lanes));
  Value valid = mask(ib, v);
  auto stored = VectorType::get({lanes}, cast<MemRefType>(memref.getType()).getElementType());
  if (!valid)
    return widened(ib, vector::LoadOp::create(ib.b, ib.loc, stored, memref, index), element);
  Value zero = arith::ConstantOp::create(ib.b, ib.loc, ib.b.getZeroAttr(stored));
  return widened(ib, vector::MaskedLoadOp::create(ib.b, ib.loc, stored, memref, index, valid, zero),
                 element);
}

void VectorRow::store(const IndexBuilder &ib, Value vector, Value memref, Value at,
                      int64_t v) const {
  Value index = ib.add(at, ib.constant(v * lanes));
  Value valid = mask(ib, v);
  vector = narrowed(ib, vector, cast<MemRefType>(memref.getType()).getElementType());
  if (!valid)
    vector::StoreOp::create(ib.b, ib.loc, vector, memref, index);
  else
    vector::MaskedStoreOp::create(ib.b, ib.loc, memref, index, valid, vector);
}

static Value multiplyAdd(const IndexBuilder &ib, Value x, Value y, Value sum) {
  if (isa<FloatType>(getElementTypeOrSelf(sum.getType())))
    return vector::FMAOp::create(ib.b, ib.loc, x, y, sum);
  Value product = arith::MulIOp::create(ib.b, ib.loc, x, y);
  return arith::AddIOp::create(ib.b, ib.loc, sum, product);
}

// Where a step in k reads, and where it leaves a copy of the rhs.
struct StepAt {
  Value lhs, rhs, rhsCopy;
};

/// Leaves a row of the rhs where later tiles read it. Asks for a row further on: at such strides
/// the processor does not by itself.
static void emitCopy(const IndexBuilder &ib, const TileOperands &tile, const StepAt &at,
                     ArrayRef<Value> row, const VectorRow &columns) {
  constexpr int64_t rowsAhead = 16;
  Value ahead = ib.add(at.rhs, ib.constant(rowsAhead * tile.contract.front().rhs));
  for (auto [v, vector] : llvm::enumerate(row)) {
    columns.store(ib, vector, tile.rhsCopy, at.rhsCopy, v);
    memref::PrefetchOp::create(ib.b, ib.loc, tile.rhs,
                               ib.add(ahead, ib.constant(v * columns.lanes)), /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
  }
}

/// One step in k of the whole tile.
static SmallVector<Value> emitStep(const IndexBuilder &ib, const TileOperands &tile,
                                   const StepAt &at, ArrayRef<Value> sums,
                                   const VectorRow &columns) {
  int64_t vectors = columns.vectors(), rows = int64_t(sums.size()) / vectors;
  SmallVector<Value> row, results;
  for (int64_t v = 0; v < vectors; ++v) row.push_back(columns.load(ib, tile.rhs, at.rhs, v));
  if (tile.rhsCopy) emitCopy(ib, tile, at, row, columns);
  for (int64_t r = 0; r < rows; ++r) {
    Value from = ib.add(at.lhs, ib.constant(r * tile.lhsRowStride));
    Value element =
        widened(ib, memref::LoadOp::create(ib.b, ib.loc, tile.lhs, from), columns.element);
    Value splat = vector::BroadcastOp::create(ib.b, ib.loc, columns.type(), element);
    for (int64_t v = 0; v < vectors; ++v)
      results.push_back(multiplyAdd(ib, splat, row[v], sums[r * vectors + v]));
  }
  return results;
}

/// The loops over k from contract dim `dim` inwards.
static SmallVector<Value> emitContract(const IndexBuilder &ib, const TileOperands &tile, size_t dim,
                                       const StepAt &at, ArrayRef<Value> sums,
                                       const VectorRow &columns) {
  if (dim == tile.contract.size()) return emitStep(ib, tile, at, sums, columns);
  const DotDim &loop = tile.contract[dim];
  constexpr int64_t fewSteps = 4; // of a window, in a loop around nothing but them
  if (dim > 0 && dim + 1 == tile.contract.size() && loop.size <= fewSteps && !tile.rhsCopy) {
    SmallVector<Value> carried(sums);
    for (int64_t k = 0; k < loop.size; ++k) {
      StepAt next{ib.add(at.lhs, ib.constant(k * loop.lhs)),
                  ib.add(at.rhs, ib.constant(k * loop.rhs)), Value()};
      carried = emitStep(ib, tile, next, carried, columns);
    }
    return carried;
  }
  Value trips = dim == 0 ? tile.trips : ib.constant(loop.size);
  return ib.loopCarrying(ib.constant(0), trips, sums, [&](Value k, ArrayRef<Value> carried) {
    StepAt next{ib.add(at.lhs, ib.mul(k, loop.lhs)), ib.add(at.rhs, ib.mul(k, loop.rhs)), Value()};
    if (tile.rhsCopy) next.rhsCopy = ib.add(at.rhsCopy, ib.mul(k, tile.rhsCopyStride));
    return emitContract(ib, tile, dim + 1, next, carried, columns);
  });
}

static SmallVector<Value> loadResult(const IndexBuilder &ib, const TileOperands &tile, int64_t rows,
                                     const VectorRow &columns) {
  SmallVector<Value> sums;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < columns.vectors(); ++v)
      sums.push_back(columns.load(ib, tile.result,
                                  ib.add(tile.resultAt, ib.constant(r * tile.resultRowStride)), v));
  return sums;
}

/// Zeros in the first block of k, what the result holds in later ones.
static SmallVector<Value> startSums(const IndexBuilder &ib, const TileOperands &tile, int64_t rows,
                                    const VectorRow &columns) {
  Value zero = arith::ConstantOp::create(ib.b, ib.loc, ib.b.getZeroAttr(columns.type()));
  SmallVector<Value> zeros(rows * columns.vectors(), zero);
  if (!tile.isFirst) return zeros;
  SmallVector<Type> types(zeros.size(), columns.type());
  auto branch = scf::IfOp::create(ib.b, ib.loc, types, tile.isFirst, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(ib.b);
  ib.b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(ib.b, ib.loc, zeros);
  ib.b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(ib.b, ib.loc, loadResult(ib, tile, rows, columns));
  return SmallVector<Value>(branch.getResults());
}

void emitTile(const IndexBuilder &ib, const TileOperands &tile, int64_t rows,
              const VectorRow &columns) {
  SmallVector<Value> sums = startSums(ib, tile, rows, columns);
  StepAt start{tile.lhsAt, tile.rhsAt, tile.rhsCopyAt};
  if (tile.lhs) sums = emitContract(ib, tile, 0, start, sums, columns);
  for (int64_t r = 0; r < rows; ++r) {
    Value at = ib.add(tile.resultAt, ib.constant(r * tile.resultRowStride));
    for (int64_t v = 0; v < columns.vectors(); ++v)
      columns.store(ib, sums[r * columns.vectors() + v], tile.result, at, v);
  }
}

} // namespace weir::codegen
