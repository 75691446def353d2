// Cumulative ops, the linear recurrence and sort. The tangent of a cumulative op is a linear
// recurrence along its dim, whose transpose is the recurrence the other way; so all of them have
// derivatives of any order. Sorting moves tangents as it moves values.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

namespace {
/// Walks along a dim, from its end where `reverse`.
struct Way {
  int64_t dim;
  bool reverse;
};
} // namespace

template <typename Op> static Way wayOf(Op op) {
  return {static_cast<int64_t>(op.getDim()), op.getReverse()};
}

/// The elements from `skipFirst` on, without the last `skipLast`, in the order of the walk.
static Expr part(RuleBuilder &b, Value value, Way way, int64_t skipFirst, int64_t skipLast) {
  SmallVector<int64_t> starts(tensorType(value).getRank(), 0), strides(starts.size(), 1),
      limits(shapeOf(value));
  starts[way.dim] = way.reverse ? skipLast : skipFirst;
  limits[way.dim] -= way.reverse ? skipFirst : skipLast;
  return {b, SliceOp::create(b, value, starts, limits, strides)};
}

/// `value` moved on by one, `first` in front.
static Expr afterFirst(RuleBuilder &b, Value value, Way way, double first) {
  SmallVector<int64_t> none(tensorType(value).getRank(), 0), one = none;
  one[way.dim] = 1;
  Value scalar = splat(b, RankedTensorType::get({}, tensorType(value).getElementType()), first);
  return {
      b, PadOp::create(b, value, scalar, way.reverse ? none : one, way.reverse ? one : none, none)};
}

/// What each element's predecessor is; `first` for the first.
static Expr before(RuleBuilder &b, Value value, Way way, double first) {
  return afterFirst(b, part(b, value, way, 0, 1), way, first);
}

static Value recurrence(RuleBuilder &b, Value a, Value x, Way way) {
  return LinearRecurrenceOp::create(b, a, x, way.dim, way.reverse);
}

/// y_i = x_i y_(i-1): dy_i = x_i dy_(i-1) + y_(i-1) dx_i.
static Value tangentOfProduct(RuleBuilder &b, CumulativeProdOp op, Value tangent) {
  Way way = wayOf(op);
  Expr previous = before(b, op.getResult(), way, 1.0);
  return recurrence(b, op.getOperand(), previous * Expr(b, tangent), way);
}

/// y_i = max(y_(i-1), x_i); equals share evenly.
template <typename Op>
static Value tangentOfExtreme(RuleBuilder &b, Op op, Value tangent, CompareDirection ahead) {
  Way way = wayOf(op);
  Expr kept = part(b, op.getResult(), way, 0, 1), x = part(b, op.getOperand(), way, 1, 0);
  Expr tie = select(equal(kept, x), x.number(0.5), x.number(0.0));
  Expr share = afterFirst(b, select(compare(ahead, kept, x), x.number(1.0), tie), way, 0.0);
  return recurrence(b, share, (1.0 - share) * Expr(b, tangent), way);
}

/// y_i = log(e^y_(i-1) + e^x_i): each weighs with its share of the sum; a sum of nothing is shared
/// by nobody.
static Value tangentOfLogsumexp(RuleBuilder &b, CumulativeLogsumexpOp op, Value tangent) {
  Way way = wayOf(op);
  Expr y(b, op.getResult()), x(b, op.getOperand());
  Expr nothing = equal(y, y.number(-std::numeric_limits<double>::infinity()));
  Expr sum = select(nothing, y.number(0.0), y);
  Expr share = exp(part(b, y, way, 0, 1) - part(b, sum, way, 1, 0));
  return recurrence(b, afterFirst(b, share, way, 0.0), exp(x - sum) * Expr(b, tangent), way);
}

/// ds = recurrence(a, da * before(s) + db).
static void tangentOfRecurrence(Forward &f) {
  auto op = cast<LinearRecurrenceOp>(f.op);
  Way way = wayOf(op);
  Value term = f.tangents[1];
  if (f.tangents[0] && shapeOf(op.getResult())[way.dim] > 0) {
    Expr moved = before(f.b, op.getResult(), way, 0.0) * Expr(f.b, f.tangents[0]);
    term = term ? Value(moved + Expr(f.b, term)) : Value(moved);
  }
  if (term) f.resultTangents[0] = recurrence(f.b, op.getA(), term, way);
}

/// Linear in b alone: the recurrence backwards, each factor one place earlier.
static void transposeRecurrence(Backward &r) {
  auto op = cast<LinearRecurrenceOp>(r.op);
  Way back = {static_cast<int64_t>(op.getDim()), !op.getReverse()};
  if (shapeOf(op.getResult())[back.dim] == 0) return r.give(1, r.cotangents[0]);
  r.give(1, recurrence(r.b, before(r.b, op.getA(), back, 0.0), r.cotangents[0], back));
}

/// `value` along `dim` at the positions that `indices`, of its shape, name.
static Value takeAlong(RuleBuilder &b, Value value, Value indices, int64_t dim) {
  int64_t last = tensorType(value).getRank() - 1;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, last + 1));
  std::swap(order[dim], order[last]); // its own inverse
  Value taken =
      GatherOp::create(b, transposed(b, value, order), transposed(b, indices, order), last, last);
  return transposed(b, taken, order);
}

/// An iota sorted by the same keys says where each element came from.
static void tangentsOfSort(Forward &f) {
  auto op = cast<SortOp>(f.op);
  if (llvm::none_of(f.tangents, [](Value t) { return t != nullptr; })) return;
  SmallVector<Value> sorted(op.getInputs().take_front(op.getNumKeys()));
  if (tensorType(sorted[0]).getNumElements() == 0) return;
  int64_t dim = op.getDim();
  sorted.push_back(IotaOp::create(f.b, shapeOf(sorted[0]), dim, f.b.getI32Type()));
  auto permutation =
      SortOp::create(f.b, sorted, dim, op.getNumKeys(), op.getDescending()).getResults().back();
  for (auto [i, tangent] : llvm::enumerate(f.tangents))
    if (tangent) f.resultTangents[i] = takeAlong(f.b, tangent, permutation, dim);
}

/// byHand for ops along a dim, which have nothing to say of no elements.
template <typename Op, typename TangentFn>
static void along(DerivativeRules &c, TangentFn tangent) {
  byHand<Op>(c, [=](RuleBuilder &b, Op op, Value t) {
    return shapeOf(t)[op.getDim()] == 0 ? t : tangent(b, op, t);
  });
}

void addOrderedRules(DerivativeRules &c) {
  linear<CumulativeSumOp>(c, [](RuleBuilder &b, CumulativeSumOp op, Value ct) {
    return CumulativeSumOp::create(b, ct, op.getDim(), !op.getReverse());
  });
  along<CumulativeProdOp>(c, tangentOfProduct);
  along<CumulativeMaxOp>(c, [](RuleBuilder &b, CumulativeMaxOp op, Value t) {
    return tangentOfExtreme(b, op, t, CompareDirection::gt);
  });
  along<CumulativeMinOp>(c, [](RuleBuilder &b, CumulativeMinOp op, Value t) {
    return tangentOfExtreme(b, op, t, CompareDirection::lt);
  });
  along<CumulativeLogsumexpOp>(c, tangentOfLogsumexp);
  c.add<LinearRecurrenceOp>({Derivative::ByHand, tangentOfRecurrence, transposeRecurrence});
  c.add<SortOp>({Derivative::ByHand, tangentsOfSort});
}

} // namespace weir::autodiff
