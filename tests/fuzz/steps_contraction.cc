// Reductions over random dims and dots of every form.
#include "tests/fuzz/random_graph.h"

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using Dims = RandomGraph::Dims;

static bool isFloatWithDims(const Known &k) {
  return k.isFloat() && k.rank() > 0 && k.size() > 0;
}

static Dims someDims(RandomGraph &g, const Known &x) {
  Dims dims;
  double share = g.rng.chance(0.3) ? 1 : 0.5;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (g.rng.chance(share)) dims.push_back(d);
  if (dims.empty()) dims.push_back(g.rng.below(x.rank()));
  return dims;
}

static int64_t elementsIn(const Known &x, const Dims &dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= x.shape()[d];
  return n;
}

static bool floatReduction(RandomGraph &g) {
  auto x = g.pick(isFloatWithDims);
  if (!x) return false;
  Dims dims = someDims(g, *x);
  switch (g.rng.below(5)) {
  case 0:
    g.add(g.op<ir::ReduceMaxOp>(x->value, dims), x->magnitude, x->exact);
    break;
  case 1:
    g.add(g.op<ir::ReduceMinOp>(x->value, dims), x->magnitude, x->exact);
    break;
  case 2:
    g.add(g.op<ir::ReduceProdOp>(g.tamed(*x, 1).value, dims), 1);
    break;
  default:
    g.add(g.op<ir::ReduceSumOp>(x->value, dims), x->magnitude * elementsIn(*x, dims));
    break;
  }
  return true;
}

static bool integerReduction(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return !k.isFloat() && k.rank() > 0; });
  if (!x) return false;
  Dims dims = someDims(g, *x);
  Value result;
  switch (g.rng.below(x->isBool() ? 2 : 6)) {
  case 0:
    result = g.op<ir::ReduceAndOp>(x->value, dims);
    break;
  case 1:
    result = g.op<ir::ReduceOrOp>(x->value, dims);
    break;
  case 2:
    result = g.op<ir::ReduceSumOp>(x->value, dims);
    break;
  case 3:
    result = g.op<ir::ReduceProdOp>(x->value, dims);
    break;
  case 4:
    result = g.op<ir::ReduceMaxOp>(x->value, dims);
    break;
  default:
    result = g.op<ir::ReduceMinOp>(x->value, dims);
    break;
  }
  g.add(result, 0, x->exact);
  return true;
}

static bool argmaxOrArgmin(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return !k.isBool() && k.rank() > 0 && k.size() > 0; });
  if (!x) return false;
  int64_t dim = g.rng.below(x->rank());
  Value result = g.rng.chance(0.5) ? Value(g.op<ir::ArgmaxOp>(x->value, dim))
                                   : Value(g.op<ir::ArgminOp>(x->value, dim));
  g.add(result, 0, x->exact);
  return true;
}

/// What row reductions are made of in practice: x minus its largest, exp, divided by the sum.
static bool softmax(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return isFloatWithDims(k) && k.rank() <= 3; });
  if (!x) return false;
  Dims last = {x->rank() - 1}, others;
  for (int64_t d = 0; d + 1 < x->rank(); ++d) others.push_back(d);
  Value largest = g.op<ir::ReduceMaxOp>(x->value, last);
  Value shifted = g.op<ir::SubOp>(x->value, g.op<ir::BroadcastOp>(largest, x->shape(), others));
  Value exp = g.op<ir::ExpOp>(shifted);
  Value sum = g.op<ir::ReduceSumOp>(exp, last);
  g.add(g.op<ir::DivOp>(exp, g.op<ir::BroadcastOp>(sum, x->shape(), others)), 1);
  return true;
}

/// The other operand has the batch and contracted dims of `x` in some order, and up to two free
/// dims of its own.
static bool dot(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return !k.isBool() && k.rank() > 0 && k.size() > 0; });
  if (!x) return false;
  Dims lhsBatch, lhsContract, rhsBatch, rhsContract, rhsShape;
  int64_t results = 1, contracted = 1;
  auto free = [&] {
    int64_t size = g.rng.chance(0.3) ? 1 + g.rng.below(40) : 1 + g.rng.below(7);
    rhsShape.push_back(size);
    results *= size;
  };
  if (g.rng.chance(0.5)) free();
  for (int64_t d = 0; d < x->rank(); ++d) {
    double kind = g.rng.uniform(0, 1);
    int64_t size = x->shape()[d];
    if (kind < 0.25) {
      lhsBatch.push_back(d);
      rhsBatch.push_back(rhsShape.size());
    } else if (kind < 0.65) {
      lhsContract.push_back(d);
      rhsContract.push_back(rhsShape.size());
      contracted *= size;
    }
    if (kind < 0.65) rhsShape.push_back(size);
    if (kind >= 0.65 || kind < 0.25) results *= size;
  }
  if (g.rng.chance(0.6)) free();
  int64_t rhsElements = 1;
  for (int64_t size : rhsShape) rhsElements *= size;
  if (results > kMaxElements || rhsElements > kMaxElements) return false;
  Known y = g.valueOf(g.typeOf(rhsShape, x->dtype()));
  Value result = g.op<ir::DotOp>(x->value, y.value, lhsBatch, rhsBatch, lhsContract, rhsContract);
  g.add(result, x->magnitude * y.magnitude * contracted, x->isInt() && x->exact && y.exact);
  return true;
}

std::vector<WeightedStep> contractionSteps() {
  return {
      {4, floatReduction}, {1, integerReduction}, {0.7, argmaxOrArgmin}, {1, softmax}, {3, dot}};
}

} // namespace weir::testing
