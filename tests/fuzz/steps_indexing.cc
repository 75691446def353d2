// gather, the scatters, dynamic slices with indices that may be out of range, and random numbers.
#include "tests/fuzz/random_graph.h"

#include <cmath>

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using Dims = RandomGraph::Dims;

static bool canBeTakenFrom(const Known &k) {
  return k.rank() > 0 && k.size() > 0;
}

namespace {
/// An operand, indices into it and the shape of what they pick.
struct Picked {
  Known operand, indices;
  int64_t dim, batchDims;
  Dims shape;
};
} // namespace

static std::optional<Picked> indexed(RandomGraph &g, bool numeric) {
  auto x = g.pick([&](const Known &k) { return canBeTakenFrom(k) && !(numeric && k.isBool()); });
  if (!x) return std::nullopt;
  int64_t dim = g.rng.below(x->rank()), batchDims = g.rng.chance(0.3) ? g.rng.below(dim + 1) : 0;
  Dims indexShape(x->shape().take_front(batchDims)), own = g.anyShape(2);
  int64_t elements = x->size() / x->shape()[dim];
  for (int64_t size : own) {
    if (elements * size > kMaxElements) size = 1;
    indexShape.push_back(size);
    elements *= size;
  }
  Dims shape(x->shape().take_front(dim));
  shape.append(indexShape.begin() + batchDims, indexShape.end());
  shape.append(x->shape().begin() + dim + 1, x->shape().end());
  mlir::RankedTensorType type = g.typeOf(indexShape, g.anyInt());
  Known indices = g.rng.chance(0.5) ? g.constant(type, -1, x->shape()[dim]) : g.valueOf(type);
  return Picked{*x, indices, dim, batchDims, shape};
}

static bool gather(RandomGraph &g) {
  auto p = indexed(g, false);
  if (!p) return false;
  g.add(g.op<ir::GatherOp>(p->operand.value, p->indices.value, p->dim, p->batchDims),
        p->operand.magnitude, p->operand.exact && p->indices.exact);
  return true;
}

/// Extremes of equals would be a kink, so both sides are moved apart.
template <class OpT> static bool scatter(RandomGraph &g, double limit, double growth) {
  constexpr bool sets = std::is_same_v<OpT, ir::ScatterSetOp>;
  constexpr bool extreme =
      std::is_same_v<OpT, ir::ScatterMaxOp> || std::is_same_v<OpT, ir::ScatterMinOp>;
  auto p = indexed(g, !sets);
  if (!p) return false;
  auto prepared = [&](const Known &x) {
    if (!extreme || !x.isFloat()) return g.tamed(x, limit);
    Known offset = g.constant(x.type());
    return g.add(g.op<ir::AddOp>(x.value, offset.value), x.magnitude + 2);
  };
  Known operand = prepared(p->operand);
  Known updates = prepared(g.valueOf(g.typeOf(p->shape, p->operand.dtype())));
  bool moves = sets || p->operand.isInt();
  g.add(g.op<OpT>(operand.value, p->indices.value, updates.value, p->dim, p->batchDims),
        operand.magnitude + growth * updates.magnitude,
        moves && operand.exact && updates.exact && p->indices.exact);
  return true;
}

static bool scatterAdd(RandomGraph &g) {
  return scatter<ir::ScatterAddOp>(g, 4, 4);
}

static bool otherScatters(RandomGraph &g) {
  switch (g.rng.below(4)) {
  case 0:
    return scatter<ir::ScatterMulOp>(g, 1, 0);
  case 1:
    return scatter<ir::ScatterMaxOp>(g, 4, 1);
  case 2:
    return scatter<ir::ScatterMinOp>(g, 4, 1);
  default:
    return scatter<ir::ScatterSetOp>(g, 4, 1);
  }
}

static llvm::SmallVector<Value> starts(RandomGraph &g, const Known &x) {
  mlir::RankedTensorType type = g.typeOf({}, g.anyInt());
  llvm::SmallVector<Value> values;
  for (int64_t size : x.shape())
    values.push_back((g.rng.chance(0.5) ? g.constant(type, -1, size) : g.valueOf(type)).value);
  return values;
}

static Dims window(RandomGraph &g, const Known &x) {
  Dims sizes;
  for (int64_t size : x.shape()) sizes.push_back(g.rng.chance(0.3) ? size : 1 + g.rng.below(size));
  return sizes;
}

static bool dynamicSlice(RandomGraph &g) {
  auto x = g.pick(canBeTakenFrom);
  if (!x) return false;
  Dims sizes = window(g, *x);
  g.add(g.op<ir::DynamicSliceOp>(x->value, starts(g, *x), sizes), x->magnitude);
  return true;
}

static bool dynamicUpdateSlice(RandomGraph &g) {
  auto x = g.pick(canBeTakenFrom);
  if (!x) return false;
  Known update = g.valueOf(g.typeOf(window(g, *x), x->dtype()));
  g.add(g.op<ir::DynamicUpdateSliceOp>(x->value, update.value, starts(g, *x)),
        std::max(x->magnitude, update.magnitude));
  return true;
}

/// Bits, or uniform numbers made of their upper 23.
static bool random(RandomGraph &g) {
  Known key = g.valueOf(g.typeOf({2}, DType::I32));
  Dims shape = g.anyShape(2);
  Value bits = g.op<ir::RandomBitsOp>(key.value, shape);
  if (g.rng.chance(0.4)) {
    g.add(bits, 0, key.exact);
    return true;
  }
  mlir::RankedTensorType type = g.typeOf(shape, DType::I32);
  Value upper = g.op<ir::ShiftRightLogicalOp>(bits, g.splat(type, 9));
  DType dtype = g.anyFloat();
  Value number = g.op<ir::ConvertOp>(upper, ir::elementTypeOf(g.b.getContext(), dtype));
  g.add(g.op<ir::MulOp>(number, g.splat(g.typeOf(shape, dtype), std::exp2(-23))), 1, key.exact);
  return true;
}

std::vector<WeightedStep> indexingSteps() {
  return {{1.5, gather},     {1.5, scatterAdd},       {1.5, otherScatters},
          {1, dynamicSlice}, {1, dynamicUpdateSlice}, {0.7, random}};
}

} // namespace weir::testing
