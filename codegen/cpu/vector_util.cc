// Reductions keep four accumulators an element type wide, so a row's tree is the same in whatever
// kernel and at whatever step it is read. Transposition works inside 128-bit lanes first, where
// shuffles are cheap, then moves whole lanes.
#include "codegen/cpu/vector_util.h"

#include "codegen/cpu/math/math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace weir::codegen {

static constexpr int accumulators = 4;

static TypedAttr identityAttr(Combiner combiner, Type element) {
  bool top = combiner == Combiner::Min || combiner == Combiner::And;
  bool bottom = combiner == Combiner::Max;
  int64_t plain = combiner == Combiner::Prod ? 1 : 0;
  if (auto type = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    if (top || bottom) return FloatAttr::get(type, APFloat::getInf(semantics, bottom));
    return FloatAttr::get(type, static_cast<double>(plain));
  }
  unsigned width = element.getIntOrFloatBitWidth();
  if (combiner == Combiner::And) return IntegerAttr::get(element, APInt::getAllOnes(width));
  if (top) return IntegerAttr::get(element, APInt::getSignedMaxValue(width));
  if (bottom) return IntegerAttr::get(element, APInt::getSignedMinValue(width));
  return IntegerAttr::get(element, APInt(width, plain));
}

Value emitIdentity(ImplicitLocOpBuilder &b, Combiner combiner, Type type) {
  TypedAttr one = identityAttr(combiner, getElementTypeOrSelf(type));
  if (auto vector = dyn_cast<VectorType>(type))
    one = DenseElementsAttr::get(vector, Attribute(one));
  return arith::ConstantOp::create(b, one);
}

Value emitCombine(ImplicitLocOpBuilder &b, Combiner combiner, Value lhs, Value rhs,
                  const TargetInfo &target) {
  static constexpr llvm::StringLiteral ops[] = {"add", "max", "min", "mul", "and", "or"};
  return emitElementwise(b, ops[static_cast<int>(combiner)], {lhs, rhs}, target);
}

static int64_t lanesOf(Value v) {
  return cast<VectorType>(v.getType()).getNumElements();
}

/// `count` lanes of `v` from `begin` on.
static Value takeLanes(ImplicitLocOpBuilder &b, Value v, int64_t begin, int64_t count) {
  if (count == lanesOf(v)) return v;
  auto mask = llvm::to_vector(llvm::seq(begin, begin + count));
  return vector::ShuffleOp::create(b, v, v, mask);
}

Value emitReduceLanes(ImplicitLocOpBuilder &b, Combiner combiner, Value v,
                      const TargetInfo &target) {
  while (lanesOf(v) > 1) {
    int64_t half = lanesOf(v) / 2;
    v = emitCombine(b, combiner, takeLanes(b, v, 0, half), takeLanes(b, v, half, half), target);
  }
  return vector::ExtractOp::create(b, v, ArrayRef<int64_t>{0});
}

namespace {

/// The state of emitRowReduction: for each reduction its four accumulators, in order. A block is
/// what four steps read.
class RowReducer {
public:
  RowReducer(ImplicitLocOpBuilder &b, ArrayRef<RowReduction> reductions, int64_t step,
             const TargetInfo &target, RowBody body)
      : b(b), reductions(reductions), step(step), target(target), body(body) {
    for (const RowReduction &r : reductions) {
      Value start = emitIdentity(b, r.combiner, VectorType::get({accumulatorLanes(r)}, r.element));
      state.append(accumulators, start);
    }
  }

  /// Adds `size` elements from `offset` on, which is the start of a block.
  void accumulate(Value offset, int64_t size) {
    for (int64_t begin = 0; begin < size; begin += step) {
      Value at = arith::AddIOp::create(b, offset, arith::ConstantIndexOp::create(b, begin));
      int64_t valid = std::min(step, size - begin);
      SmallVector<Value> values = body(at, valid);
      for (auto [k, r] : llvm::enumerate(reductions)) add(k, r, values[k], begin, valid);
    }
  }

  /// A loop over the whole blocks, in which each accumulator is used equally often.
  void loop(int64_t size) {
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value end = arith::ConstantIndexOp::create(b, size);
    Value stride = arith::ConstantIndexOp::create(b, accumulators * step);
    auto loop = scf::ForOp::create(b, zero, end, stride, state);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    state.assign(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
    accumulate(loop.getInductionVar(), accumulators * step);
    scf::YieldOp::create(b, state);
    state.assign(loop.getResults().begin(), loop.getResults().end());
  }

  SmallVector<Value> finish() {
    SmallVector<Value> results;
    for (auto [k, r] : llvm::enumerate(reductions)) {
      Value *a = &state[k * accumulators];
      auto both = [&, c = r.combiner](Value x, Value y) { return emitCombine(b, c, x, y, target); };
      results.push_back(
          emitReduceLanes(b, r.combiner, both(both(a[0], a[1]), both(a[2], a[3])), target));
    }
    return results;
  }

private:
  /// Lanes of one accumulator. An i1 has no register of its own; its order cannot matter.
  int64_t accumulatorLanes(const RowReduction &r) const {
    unsigned width = r.element.getIntOrFloatBitWidth();
    return width == 1 ? step : std::min(step, target.lanes(width / 8));
  }

  /// Adds `valid` of the lanes of `value`, the elements from `begin` of a block on.
  void add(size_t k, const RowReduction &r, Value value, int64_t begin, int64_t valid) {
    int64_t lanes = accumulatorLanes(r);
    for (int64_t from = 0; from < valid; from += lanes) {
      Value part = takeLanes(b, value, from, lanes);
      if (valid - from < lanes) part = keepFirst(part, valid - from, r.combiner);
      Value &sum = state[k * accumulators + (begin + from) / lanes % accumulators];
      sum = emitCombine(b, r.combiner, sum, part, target);
    }
  }

  /// Replaces all but the first lanes by the identity.
  Value keepFirst(Value v, int64_t count, Combiner combiner) {
    SmallVector<bool> mask(lanesOf(v), false);
    std::fill_n(mask.begin(), count, true);
    auto type = VectorType::get({lanesOf(v)}, b.getI1Type());
    Value keep = arith::ConstantOp::create(b, DenseElementsAttr::get(type, mask));
    return arith::SelectOp::create(b, keep, v, emitIdentity(b, combiner, v.getType()));
  }

  ImplicitLocOpBuilder &b;
  ArrayRef<RowReduction> reductions;
  int64_t step;
  const TargetInfo &target;
  RowBody body;
  SmallVector<Value> state;
};

} // namespace

SmallVector<Value> emitRowReduction(ImplicitLocOpBuilder &b, ArrayRef<RowReduction> reductions,
                                    int64_t size, int64_t step, const TargetInfo &target,
                                    RowBody body) {
  RowReducer reducer(b, reductions, step, target, body);
  int64_t block = accumulators * step, whole = size / block * block;
  if (whole > block)
    reducer.loop(whole);
  else
    whole = 0;
  reducer.accumulate(arith::ConstantIndexOp::create(b, whole), size - whole);
  return reducer.finish();
}

/// Alternates the elements of the low (high) halves of each `lane` elements of x and y.
static Value interleave(ImplicitLocOpBuilder &b, Value x, Value y, int64_t lane, bool high) {
  int64_t n = lanesOf(x);
  SmallVector<int64_t> mask;
  for (int64_t base = high ? lane / 2 : 0; base < n; base += lane)
    for (int64_t i = base; i < base + lane / 2; ++i) mask.append({i, n + i});
  return vector::ShuffleOp::create(b, x, y, mask);
}

/// Every other block of `block` elements of x, then of y, from the first or the second on.
static Value everyOther(ImplicitLocOpBuilder &b, Value x, Value y, int64_t block, bool second) {
  int64_t n = lanesOf(x);
  SmallVector<int64_t> mask;
  for (int64_t source : {int64_t(0), n})
    for (int64_t base = second ? block : 0; base < n; base += 2 * block)
      for (int64_t i = 0; i < block; ++i) mask.push_back(source + base + i);
  return vector::ShuffleOp::create(b, x, y, mask);
}

/// Transposes blocks of `block` elements between rows that hold 1, 2 or 4 of them each.
static SmallVector<Value> transposeBlocks(ImplicitLocOpBuilder &b, ArrayRef<Value> rows,
                                          int64_t block) {
  if (rows.size() == 1) return {rows[0]};
  // Even places of both halves, transposed, are the even results; odd places the odd ones.
  SmallVector<Value> result(rows.size());
  for (bool odd : {false, true}) {
    SmallVector<Value> packed;
    for (size_t i = 0; i < rows.size(); i += 2)
      packed.push_back(everyOther(b, rows[i], rows[i + 1], block, odd));
    if (rows.size() == 2) {
      result[odd] = packed[0];
      continue;
    }
    for (bool second : {false, true})
      result[odd + 2 * second] = everyOther(b, packed[0], packed[1], block, second);
  }
  return result;
}

SmallVector<Value> emitTranspose(ImplicitLocOpBuilder &b, ArrayRef<Value> rows) {
  int64_t n = rows.size();
  int64_t lane = 128 / getElementTypeOrSelf(rows[0].getType()).getIntOrFloatBitWidth();
  SmallVector<Value> current(rows);
  // Inside lanes, for each group of `lane` rows: then row c of it holds column c of every lane.
  for (int64_t round = 1; round < lane; round *= 2) {
    SmallVector<Value> next;
    for (int64_t group = 0; group < n; group += lane)
      for (int64_t i = group; i < group + lane / 2; ++i)
        for (bool high : {false, true})
          next.push_back(interleave(b, current[i], current[i + lane / 2], lane, high));
    current = next;
  }
  SmallVector<Value> result(n);
  for (int64_t column = 0; column < lane; ++column) {
    SmallVector<Value> parts;
    for (int64_t group = 0; group < n; group += lane) parts.push_back(current[group + column]);
    for (auto [k, part] : llvm::enumerate(transposeBlocks(b, parts, lane)))
      result[k * lane + column] = part;
  }
  return result;
}

} // namespace weir::codegen
