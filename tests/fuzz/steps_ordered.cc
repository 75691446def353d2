// Cumulative ops, recurrences and sorting. Where equals would be a kink, elements are moved apart
// first.
#include "tests/fuzz/random_graph.h"

#include <cmath>

namespace weir::testing {

using mlir::Value;

static bool isFloatWithDims(const Known &k) {
  return k.isFloat() && k.rank() > 0;
}

/// x + something random: no two elements are equal.
static Known apart(RandomGraph &g, const Known &x) {
  if (!x.isFloat()) return x;
  Known offset = g.constant(x.type());
  return g.add(g.op<ir::AddOp>(x.value, offset.value), x.magnitude + offset.magnitude);
}

template <class OpT>
static bool cumulative(RandomGraph &g, const Known &x, double magnitude, bool exact) {
  int64_t dim = g.rng.below(x.rank());
  g.add(g.op<OpT>(x.value, dim, g.rng.chance(0.4)), magnitude, exact);
  return true;
}

static bool cumulativeFloats(RandomGraph &g) {
  auto x = g.pick(isFloatWithDims);
  if (!x) return false;
  double length = 1;
  for (int64_t size : x->shape()) length = std::max<double>(length, size);
  switch (g.rng.below(5)) {
  case 0:
    return cumulative<ir::CumulativeSumOp>(g, *x, x->magnitude * length, false);
  case 1:
    return cumulative<ir::CumulativeProdOp>(g, g.tamed(*x, 1), 1, false);
  case 2:
    return cumulative<ir::CumulativeMaxOp>(g, apart(g, *x), x->magnitude + 2, false);
  case 3:
    return cumulative<ir::CumulativeMinOp>(g, apart(g, *x), x->magnitude + 2, false);
  default:
    return cumulative<ir::CumulativeLogsumexpOp>(g, *x, x->magnitude + std::log(length), false);
  }
}

static bool cumulativeIntegers(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.isInt() && k.rank() > 0; });
  if (!x) return false;
  switch (g.rng.below(4)) {
  case 0:
    return cumulative<ir::CumulativeSumOp>(g, *x, 0, x->exact);
  case 1:
    return cumulative<ir::CumulativeProdOp>(g, *x, 0, x->exact);
  case 2:
    return cumulative<ir::CumulativeMaxOp>(g, *x, 0, x->exact);
  default:
    return cumulative<ir::CumulativeMinOp>(g, *x, 0, x->exact);
  }
}

static bool recurrence(RandomGraph &g) {
  auto x = g.pick(isFloatWithDims);
  if (!x) return false;
  Known factor = g.tamed(g.like(*x), 1);
  int64_t dim = g.rng.below(x->rank());
  g.add(g.op<ir::LinearRecurrenceOp>(factor.value, x->value, dim, g.rng.chance(0.4)),
        x->magnitude * std::max<double>(1, x->shape()[dim]));
  return true;
}

/// What goes along with keys that were rounded can be anything, so exact keys are preferred.
static bool sort(RandomGraph &g) {
  bool alone = g.rng.chance(0.4);
  auto x = g.pick([&](const Known &k) { return k.rank() > 0 && (alone || k.exact); });
  if (!x) return false;
  Known key = apart(g, *x);
  llvm::SmallVector<Value> inputs = {key.value};
  std::vector<Known> others;
  for (int64_t more = alone ? 0 : 1 + g.rng.below(2); more > 0; --more) {
    others.push_back(g.like(*x));
    inputs.push_back(others.back().value);
  }
  int64_t keys = !alone && !x->isFloat() && !others[0].isFloat() && others[0].exact ? 2 : 1;
  auto op = g.op<ir::SortOp>(inputs, g.rng.below(x->rank()), keys, g.rng.chance(0.4));
  g.add(op->getResult(0), key.magnitude, key.exact);
  for (auto [i, other] : llvm::enumerate(others))
    g.add(op->getResult(i + 1), other.magnitude, key.exact && other.exact);
  return true;
}

std::vector<WeightedStep> orderedSteps() {
  return {{1.5, cumulativeFloats}, {0.7, cumulativeIntegers}, {0.7, recurrence}, {1, sort}};
}

} // namespace weir::testing
