// Layout and creation steps.
#include "tests/fuzz/random_graph.h"

#include <numeric>

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using Dims = RandomGraph::Dims;

static bool anything(const Known &) {
  return true;
}
static bool hasDims(const Known &k) {
  return k.rank() > 0;
}

/// A random dim from 0 to rank.
static int64_t anyDim(RandomGraph &g, const Known &x) {
  return g.rng.below(x.rank());
}

static bool broadcast(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.rank() < 3 && 2 * k.size() <= kMaxElements; });
  if (!x) return false;
  Dims shape, dims;
  int64_t room = kMaxElements / std::max<int64_t>(x->size(), 1);
  for (int64_t d = 0; d <= x->rank(); ++d) {
    if (g.rng.chance(0.5) && room >= 2) {
      int64_t size = 1 + g.rng.below(std::min<int64_t>(room, 9));
      shape.push_back(size);
      room /= size;
    }
    if (d == x->rank()) break;
    dims.push_back(shape.size());
    shape.push_back(x->shape()[d]);
  }
  g.add(g.op<ir::BroadcastOp>(x->value, shape, dims), x->magnitude, x->exact);
  return true;
}

/// Merges two neighbouring dims, splits one, adds one of size 1, or flattens.
static bool reshape(RandomGraph &g) {
  auto x = g.pick(anything);
  if (!x) return false;
  Dims shape(x->shape());
  int64_t at = x->rank() ? anyDim(g, *x) : 0;
  if (g.rng.chance(0.2) || shape.empty()) {
    shape.insert(shape.begin() + at, 1);
  } else if (g.rng.chance(0.4) && at + 1 < x->rank()) {
    shape[at] *= shape[at + 1];
    shape.erase(shape.begin() + at + 1);
  } else if (g.rng.chance(0.2)) {
    shape = {x->size()};
  } else {
    int64_t factor = 1;
    for (int64_t f : {2, 3, 5})
      if (shape[at] % f == 0) factor = f;
    shape[at] /= factor;
    shape.insert(shape.begin() + at + g.rng.below(2), factor);
  }
  if (shape.size() > 4) return false;
  g.add(g.op<ir::ReshapeOp>(x->value, shape), x->magnitude, x->exact);
  return true;
}

static bool transpose(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.rank() >= 2; });
  if (!x) return false;
  Dims permutation(x->rank());
  std::iota(permutation.begin(), permutation.end(), 0);
  for (int64_t d = x->rank() - 1; d > 0; --d)
    std::swap(permutation[d], permutation[g.rng.below(d + 1)]);
  g.add(g.op<ir::TransposeOp>(x->value, permutation), x->magnitude, x->exact);
  return true;
}

static bool slice(RandomGraph &g) {
  auto x = g.pick(hasDims);
  if (!x) return false;
  Dims starts, limits, strides;
  for (int64_t size : x->shape()) {
    int64_t start = size > 1 && g.rng.chance(0.5) ? g.rng.below(size - 1) : 0;
    starts.push_back(start);
    limits.push_back(start + 1 + g.rng.below(std::max<int64_t>(size - start, 1)));
    if (limits.back() > size) return false;
    strides.push_back(g.rng.chance(0.7) ? 1 : 1 + g.rng.below(3));
  }
  g.add(g.op<ir::SliceOp>(x->value, starts, limits, strides), x->magnitude, x->exact);
  return true;
}

static bool pad(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.rank() > 0 && k.size() > 0; });
  if (!x) return false;
  Known value = g.valueOf(g.typeOf({}, x->dtype()));
  Dims low, high, interior;
  int64_t elements = 1;
  for (int64_t size : x->shape()) {
    low.push_back(g.rng.chance(0.4) ? g.rng.below(4) : 0);
    high.push_back(g.rng.chance(0.4) ? g.rng.below(4) : 0);
    interior.push_back(g.rng.chance(0.2) ? 1 : 0);
    elements *= low.back() + high.back() + size + (size - 1) * interior.back();
  }
  if (elements > kMaxElements) return false;
  g.add(g.op<ir::PadOp>(x->value, value.value, low, high, interior),
        std::max(x->magnitude, value.magnitude), x->exact && value.exact);
  return true;
}

static bool concatenate(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.rank() > 0 && 3 * k.size() <= kMaxElements; });
  if (!x) return false;
  llvm::SmallVector<Value> parts = {x->value};
  double magnitude = x->magnitude;
  bool exact = x->exact;
  for (int64_t more = 1 + g.rng.below(2); more > 0; --more) {
    Known part = g.like(*x);
    parts.push_back(part.value);
    magnitude = std::max(magnitude, part.magnitude);
    exact &= part.exact;
  }
  g.add(g.op<ir::ConcatenateOp>(parts, anyDim(g, *x)), magnitude, exact);
  return true;
}

static bool reverse(RandomGraph &g) {
  auto x = g.pick(hasDims);
  if (!x) return false;
  Dims dims;
  for (int64_t d = 0; d < x->rank(); ++d)
    if (g.rng.chance(0.6)) dims.push_back(d);
  g.add(g.op<ir::ReverseOp>(x->value, dims), x->magnitude, x->exact);
  return true;
}

static bool constant(RandomGraph &g) {
  double kind = g.rng.uniform(0, 1);
  DType dtype = kind < 0.6 ? g.anyFloat() : kind < 0.8 ? g.anyInt() : DType::I1;
  g.constant(g.typeOf(g.anyShape(2), dtype));
  return true;
}

static bool iota(RandomGraph &g) {
  Dims shape = g.anyShape(2);
  if (shape.empty()) return false;
  DType dtype = g.rng.chance(0.5) ? g.anyFloat() : g.anyInt();
  int64_t dim = g.rng.below(shape.size());
  g.add(g.op<ir::IotaOp>(shape, dim, ir::elementTypeOf(g.b.getContext(), dtype)), shape[dim], true);
  return true;
}

static bool barrier(RandomGraph &g) {
  auto x = g.pick(anything), y = g.pick(anything);
  if (!x) return false;
  auto op = g.op<ir::BarrierOp>(mlir::ValueRange{x->value, y->value});
  g.add(op->getResult(0), x->magnitude, x->exact);
  g.add(op->getResult(1), y->magnitude, y->exact);
  return true;
}

/// An undefined value that a window covers wholly, or that a known predicate does not choose.
static bool undef(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.size() > 0; });
  if (!x) return false;
  Value undefined = g.op<ir::UndefOp>(x->shape(), x->type().getElementType());
  if (g.rng.chance(0.5)) {
    Value never = g.splat(g.typeOf(x->shape(), DType::I1), 0);
    g.add(g.op<ir::SelectOp>(never, undefined, x->value), x->magnitude, x->exact);
    return true;
  }
  Value zero = g.splat(g.typeOf({}, DType::I32), 0);
  llvm::SmallVector<Value> starts(x->rank(), zero);
  g.add(g.op<ir::DynamicUpdateSliceOp>(undefined, x->value, starts), x->magnitude, x->exact);
  return true;
}

std::vector<WeightedStep> layoutSteps() {
  return {{3, broadcast}, {3, reshape},       {2, transpose}, {2, slice},
          {1.5, pad},     {1.5, concatenate}, {1, reverse},   {1, constant},
          {1, iota},      {0.5, barrier},     {0.5, undef}};
}

} // namespace weir::testing
