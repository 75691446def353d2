// The scatters. Updates out of range are dropped, so nothing flows back to them. scatter_set and
// scatter_add are linear; extremes share the derivative evenly among equals; the product is a chain
// of multiplications in the order of the indices, so that zeros, and any order, come out exact.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

/// What is known of one index, for every element that it moves; `like` has the shape of the
/// updates.
template <typename Op> static Value spread(RuleBuilder &b, Op op, Value perIndex, Value like) {
  SmallVector<int64_t> dims;
  int64_t batch = op.getBatchDims(), dim = op.getDim();
  for (int64_t i = 0; i < tensorType(perIndex).getRank(); ++i)
    dims.push_back(i < batch ? i : i - batch + dim);
  return BroadcastOp::create(b, perIndex, shapeOf(like), dims);
}

template <typename Op> static Value gatherAs(RuleBuilder &b, Op op, Value from, Value indices) {
  return GatherOp::create(b, from, indices, op.getDim(), op.getBatchDims());
}

/// Where nothing is indexed there is nothing to gather from.
template <typename Op> static bool hasNoPlaces(Op op) {
  return shapeOf(op.getOperand())[op.getDim()] == 0;
}

/// The operand passes through; updates gather what they were added to.
static Value transposeAdd(RuleBuilder &b, ScatterAddOp op, Value ct, unsigned operand) {
  if (operand == 0) return ct;
  if (hasNoPlaces(op)) return zerosLike(b, op.getUpdates());
  Expr indices(b, op.getIndices());
  Value picked = gatherAs(b, op, ct, indices);
  Expr size = indices.number(static_cast<double>(shapeOf(ct)[op.getDim()]));
  Value inRange = AndOp::create(b, compare(CompareDirection::ge, indices, indices.number(0)),
                                less(indices, size));
  return SelectOp::create(b, spread(b, op, inRange, picked), picked, zerosLike(b, picked));
}

/// Which indices stay: each sets its own number in the places of its batch, and finds it there.
static Value staying(RuleBuilder &b, ScatterSetOp op) {
  Value indices = op.getIndices();
  int64_t batch = op.getBatchDims();
  SmallVector<int64_t> places(shapeOf(op.getOperand()).take_front(batch));
  int64_t each = tensorType(indices).getNumElements();
  places.push_back(shapeOf(op.getOperand())[op.getDim()]);
  Value numbers = ReshapeOp::create(
      b, IotaOp::create(b, ArrayRef<int64_t>{each}, 0, b.getI32Type()), shapeOf(indices));
  Value nobody = splat(b, RankedTensorType::get(places, b.getI32Type()), -1);
  Value last = ScatterSetOp::create(b, nobody, indices, numbers, batch, batch);
  return CompareOp::create(b, GatherOp::create(b, last, indices, batch, batch), numbers,
                           CompareDirection::eq);
}

/// Nothing of the operand stays where it was set; updates get what they set and was not set again.
static Value transposeSet(RuleBuilder &b, ScatterSetOp op, Value ct, unsigned operand) {
  if (operand == 0)
    return ScatterSetOp::create(b, ct, op.getIndices(), zerosLike(b, op.getUpdates()), op.getDim(),
                                op.getBatchDims());
  if (hasNoPlaces(op)) return zerosLike(b, op.getUpdates());
  Value picked = gatherAs(b, op, ct, op.getIndices());
  return SelectOp::create(b, spread(b, op, staying(b, op), picked), picked, zerosLike(b, picked));
}

/// The mean of the tangents of all that equal the extreme value.
template <typename Op> static void tangentOfExtreme(Forward &f) {
  auto op = cast<Op>(f.op);
  if (!f.tangents[0] && !f.tangents[2]) return;
  if (hasNoPlaces(op)) return;
  RuleBuilder &b = f.b;
  Expr x(b, op.getOperand()), u(b, op.getUpdates()), y(b, op.getResult());
  Expr xIs = equal(x, y), uIs = equal(u, {b, gatherAs(b, op, y, op.getIndices())});
  auto addUp = [&](Expr ofX, Expr ofU) -> Expr {
    return {b,
            ScatterAddOp::create(b, select(xIs, ofX, x.number(0.0)), op.getIndices(),
                                 select(uIs, ofU, u.number(0.0)), op.getDim(), op.getBatchDims())};
  };
  Expr count = addUp(x.number(1.0), u.number(1.0));
  Expr sum = addUp({b, f.tangentOrZeros(0)}, {b, f.tangentOrZeros(2)});
  f.resultTangents[0] = sum * (1.0 / count);
}

namespace {
/// The factors of a scatter_mul, sorted so that those that meet are neighbours: one dim of indices.
struct Chain {
  Value indices; ///< [batch..., m], ascending
  Value origin;  ///< their places before
  Value first;   ///< i1, shape of the factors: nothing was multiplied here before
  SmallVector<int64_t> shape;
  int64_t dim;
};
} // namespace

static Chain chainOf(RuleBuilder &b, ScatterMulOp op) {
  int64_t batch = op.getBatchDims(), dim = op.getDim();
  ArrayRef<int64_t> operand = shapeOf(op.getOperand()), indices = shapeOf(op.getIndices());
  SmallVector<int64_t> perBatch(indices.take_front(batch));
  perBatch.push_back(ShapedType::getNumElements(indices.drop_front(batch)));
  Chain chain;
  chain.dim = dim;
  chain.shape.assign(operand.begin(), operand.end());
  chain.shape[dim] = perBatch.back();
  Value flat = ReshapeOp::create(b, op.getIndices(), perBatch);
  Value places = IotaOp::create(b, perBatch, batch, b.getI32Type());
  auto sorted = SortOp::create(b, ValueRange{flat, places}, batch, 1, false);
  chain.indices = sorted.getResult(0);
  chain.origin = sorted.getResult(1);

  SmallVector<int64_t> zero(batch + 1, 0), one(batch + 1, 1), low = zero, limits = perBatch;
  low[batch] = 1;
  limits[batch] -= 1;
  Value later = SliceOp::create(b, chain.indices, low, perBatch, one);
  Value earlier = SliceOp::create(b, chain.indices, zero, limits, one);
  Value differs = CompareOp::create(b, later, earlier, CompareDirection::ne);
  Value yes = splat(b, RankedTensorType::get({}, b.getI1Type()), 1);
  Value first = PadOp::create(b, differs, yes, low, zero, zero);
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, batch));
  dims.push_back(dim);
  chain.first = BroadcastOp::create(b, first, chain.shape, dims);
  return chain;
}

/// p_k = u_k p_(k-1), from u_k x where a chain starts: a linear recurrence, whose tangent is one
/// too. The last of each chain is the result.
static void tangentOfProduct(Forward &f) {
  auto op = cast<ScatterMulOp>(f.op);
  if (!f.tangents[0] && !f.tangents[2]) return;
  RuleBuilder &b = f.b;
  Value dx = f.tangentOrZeros(0);
  if (hasNoPlaces(op) || tensorType(op.getUpdates()).getNumElements() == 0) {
    f.resultTangents[0] = dx;
    return;
  }
  Chain chain = chainOf(b, op);
  auto factors = [&](Value updates) -> Expr {
    return {b, gatherAs(b, op, ReshapeOp::create(b, updates, chain.shape), chain.origin)};
  };
  auto operands = [&](Value operand) -> Expr {
    return {b, gatherAs(b, op, operand, chain.indices)};
  };
  auto walk = [&](Value a, Value start) {
    return LinearRecurrenceOp::create(b, a, start, chain.dim, false);
  };
  Expr u = factors(op.getUpdates()), du = factors(f.tangentOrZeros(2));
  Expr x = operands(op.getOperand()), none = u.number(0.0), first(b, chain.first);
  Expr a = select(first, none, u);
  Value product = walk(a, select(first, u * x, none));
  // What the chain was before each factor: x at its start, the product so far after it.
  int64_t rank = chain.shape.size();
  SmallVector<int64_t> zero(rank, 0), one(rank, 1), low = zero, limits = chain.shape;
  low[chain.dim] = 1;
  limits[chain.dim] -= 1;
  Value scalar = zeros(b, RankedTensorType::get({}, tensorType(u).getElementType()));
  Value moved =
      PadOp::create(b, SliceOp::create(b, product, zero, limits, one), scalar, low, zero, zero);
  Expr soFar = select(first, x, {b, moved});
  Expr start = select(first, u * operands(dx), none);
  Value tangent = walk(a, du * soFar + start);
  f.resultTangents[0] =
      ScatterSetOp::create(b, dx, chain.indices, tangent, op.getDim(), op.getBatchDims());
}

void addScatterRules(DerivativeRules &c) {
  linear<ScatterAddOp>(c, transposeAdd);
  linear<ScatterSetOp>(c, transposeSet);
  c.add<ScatterMaxOp>({Derivative::ByHand, tangentOfExtreme<ScatterMaxOp>});
  c.add<ScatterMinOp>({Derivative::ByHand, tangentOfExtreme<ScatterMinOp>});
  c.add<ScatterMulOp>({Derivative::ByHand, tangentOfProduct});
}

} // namespace weir::autodiff
