// Reduction of huge angles by pi/2 (Payne and Hanek 1983): of x 2/pi only the two bits before the
// point and some 130 after it matter, and those are the product of x's mantissa with the 192 bits
// of 2/pi that x's exponent selects. 64-bit integers, one lane at a time.

#include "codegen/cpu/math/coefficients.h"
#include "codegen/cpu/math/functions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

namespace weir::codegen {
namespace {

using namespace mlir;

/// kTwoOverPi[word + k], for k = 0 to 3, each moved up by `shift` bits.
SmallVector<Expr> selectBits(const Expr &word, const Expr &shift) {
  ImplicitLocOpBuilder &b = *word.b;
  auto values = ArrayRef<uint64_t>(kTwoOverPi);
  auto type = VectorType::get({int64_t(values.size())}, b.getI64Type());
  Value table = arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
  SmallVector<Expr> words, moved;
  for (int k = 0; k < 4; ++k) {
    Value at = arith::IndexCastOp::create(b, b.getIndexType(), (word + k).value);
    words.push_back(word.of(vector::ExtractOp::create(b, table, at)));
  }
  for (int k = 0; k < 3; ++k)
    moved.push_back((words[k] << shift) | ((words[k + 1] >> 1) >> (63 - shift)));
  return moved;
}

/// A scalar f64 of at least 2^45 in magnitude.
Angle reduceOne(const Expr &x) {
  Expr raw = bits(x);
  Expr mantissa = (raw & ((int64_t(1) << 52) - 1)) | (int64_t(1) << 52);
  // x = mantissa 2^e; the window starts at the bit of 2/pi that is worth 2^(1-e).
  Expr position = ((raw >> 52) & 0x7ff) - (1075 + 2 - 64);
  SmallVector<Expr> w = selectBits(position >> 6, position & 63);
  auto [low2, high2] = multiplyWide(mantissa, w[2]);
  auto [low1, high1] = multiplyWide(mantissa, w[1]);
  Expr middle = low1 + high2;
  Expr carry = zeroExtend(below(middle, low1), x.b->getI64Type());
  Expr top = mantissa * w[0] + high1 + carry;
  // Two bits of quadrant, then the fraction, which is taken as signed to round to nearest.
  Expr fraction = (top << 2) | (middle >> 62), rest = (middle << 2) | (low2 >> 62);
  Expr quadrant = (top >> 62) + (fraction >> 63);
  // The fraction as two floats, the first of which is exact.
  Type f64 = x.element();
  Expr high = toFloat(fraction & -2048, f64) * 0x1p-64;
  Expr low = toFloat(((fraction & 2047) << 52) | (rest >> 12), f64) * 0x1p-116;
  Expr turn = high + low, lost = low - (turn - high);
  Expr r = fma(turn, kHalfPiF64[0], fma(turn, kHalfPiF64[1], lost * kHalfPiF64[0]));
  Expr negative = signBit(x);
  return {select(negative, -r, r), select(negative, -quadrant, quadrant)};
}

/// One lane of `reduced`, exact if it is huge.
Angle reduceLane(const Expr &x, const Expr &huge, const Angle &reduced) {
  // Elsewhere any angle will do that selects bits inside the table.
  Angle exact = reduceOne(select(huge, x, 0x1p60));
  return {select(huge, exact.r, reduced.r), select(huge, exact.quadrant, reduced.quadrant)};
}

void yield(ImplicitLocOpBuilder &b, const Angle &angle) {
  scf::YieldOp::create(b, ValueRange{angle.r.value, angle.quadrant.value});
}

/// Every lane in a loop.
Angle reduceLanes(const Expr &x, const Expr &huge, const Angle &reduced) {
  ImplicitLocOpBuilder &b = *x.b;
  auto index = [&](int64_t i) { return Value(arith::ConstantIndexOp::create(b, i)); };
  auto loop = scf::ForOp::create(b, index(0), index(x.lanes()), index(1),
                                 ValueRange{reduced.r.value, reduced.quadrant.value});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar(), r = loop.getRegionIterArg(0), q = loop.getRegionIterArg(1);
  auto lane = [&](Value v) { return x.of(vector::ExtractOp::create(b, v, i)); };
  Angle one = reduceLane(lane(x.value), lane(huge.value), {lane(r), lane(q)});
  yield(b, {x.of(vector::InsertOp::create(b, one.r.value, r, i)),
            x.of(vector::InsertOp::create(b, one.quadrant.value, q, i))});
  return {x.of(loop.getResult(0)), x.of(loop.getResult(1))};
}

} // namespace

Angle reduceHuge(const Expr &x, double limit, const Angle &reduced) {
  ImplicitLocOpBuilder &b = *x.b;
  Expr huge = ge(abs(x), limit) & lt(abs(x), std::numeric_limits<double>::infinity());
  Value any = huge.value;
  if (x.lanes()) any = vector::ReductionOp::create(b, vector::CombiningKind::OR, any);
  auto branch = scf::IfOp::create(b, TypeRange{x.value.getType(), reduced.quadrant.value.getType()},
                                  any, /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  yield(b, x.lanes() ? reduceLanes(x, huge, reduced) : reduceLane(x, huge, reduced));
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  yield(b, reduced);
  return {x.of(branch.getResult(0)), x.of(branch.getResult(1))};
}

} // namespace weir::codegen
