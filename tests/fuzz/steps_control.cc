// Calls, conditionals and loops; regions use what is in scope outside of them, and contain each
// other.
#include "tests/fuzz/random_graph.h"

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using Values = llvm::SmallVector<Value>;

static bool call(RandomGraph &g) {
  mlir::func::FuncOp callee = g.callee();
  if (!callee) return false;
  Values inputs;
  for (mlir::Type type : callee.getFunctionType().getInputs())
    inputs.push_back(
        g.tamed(g.valueOf(mlir::cast<mlir::RankedTensorType>(type)), kInputRange.high).value);
  auto op = g.op<ir::CallOp>(callee.getFunctionType().getResults(), callee.getSymName(), inputs);
  for (Value result : op->getResults()) g.add(result, 4);
  return true;
}

/// The two regions yield values of the same types; an undefined one only where the other region's
/// is chosen later.
static bool conditional(RandomGraph &g) {
  if (g.isDeep()) return false;
  Known pred = g.valueOf(g.typeOf({}, DType::I1));
  std::vector<Known> models;
  for (int64_t k = 1 + g.rng.below(3); k > 0; --k)
    if (auto model = g.pick([](const Known &) { return true; })) models.push_back(*model);
  if (models.empty()) return false;
  llvm::SmallVector<mlir::Type> types;
  for (const Known &model : models) types.push_back(model.type());
  bool withUndef = models[0].size() > 0 && g.rng.chance(0.3);
  if (withUndef) types.append(2, models[0].type());
  auto op = g.op<ir::IfOp>(types, pred.value);
  for (int region : {0, 1})
    g.inRegion(op->getRegion(region), {}, [&] {
      g.grow(1 + g.rng.below(5));
      Values results;
      for (const Known &model : models) results.push_back(g.like(model).value);
      if (withUndef) {
        results.push_back(g.like(models[0]).value);
        results.push_back(g.op<ir::UndefOp>(models[0].shape(), models[0].type().getElementType()));
        if (region) std::swap(results[results.size() - 1], results[results.size() - 2]);
      }
      return results;
    });
  for (size_t k = 0; k < models.size(); ++k) g.add(op->getResult(k), 4);
  if (!withUndef) return true;
  mlir::RankedTensorType mask = g.typeOf(models[0].shape(), DType::I1);
  Value everywhere = g.op<ir::BroadcastOp>(pred.value, mask.getShape(), RandomGraph::Dims{});
  g.add(g.op<ir::SelectOp>(everywhere, op->getResult(models.size()),
                           op->getResult(models.size() + 1)),
        4);
  return true;
}

static mlir::RankedTensorType withLeading(RandomGraph &g, const Known &x, int64_t trips) {
  RandomGraph::Dims shape(x.shape());
  shape.insert(shape.begin(), trips);
  return g.typeOf(shape, x.dtype());
}

static std::vector<Known> pickSome(RandomGraph &g, int64_t atLeast,
                                   const RandomGraph::Filter &filter) {
  std::vector<Known> picked;
  for (int64_t k = std::max<int64_t>(atLeast, g.rng.below(3)); k > 0; --k)
    if (auto known = g.pick(filter)) picked.push_back(*known);
  return picked;
}

/// Carries stay small: a float one is the hyperbolic tangent of something.
static bool scan(RandomGraph &g) {
  if (g.isDeep()) return false;
  auto small = [](const Known &k) { return k.size() <= 100 && k.rank() < 4; };
  auto loopable = [](const Known &k) { return k.rank() > 0 && k.shape()[0] <= 8; };
  auto first = g.pick(loopable);
  int64_t trips = first ? first->shape()[0] : g.rng.below(5);
  std::vector<Known> inits = pickSome(g, 0, small), ys = pickSome(g, inits.empty(), small);
  std::vector<Known> xs =
      pickSome(g, 0, [&](const Known &k) { return loopable(k) && k.shape()[0] == trips; });
  if (inits.empty() && ys.empty()) return false;
  llvm::SmallVector<mlir::Type> types;
  Values initValues, xValues;
  llvm::SmallVector<Argument> arguments;
  for (const Known &init : inits) {
    types.push_back(init.type());
    initValues.push_back(init.value);
    arguments.push_back({init.type(), std::max(init.magnitude, 1.0), false});
  }
  for (const Known &x : xs) {
    xValues.push_back(x.value);
    arguments.push_back({g.typeOf(x.shape().drop_front(), x.dtype()), x.magnitude, x.exact});
  }
  for (const Known &y : ys) types.push_back(withLeading(g, y, trips));
  auto op = g.op<ir::ScanOp>(types, initValues, xValues, trips, g.rng.chance(0.4));
  g.inRegion(op->getRegion(0), arguments, [&] {
    g.grow(2 + g.rng.below(6));
    Values results;
    for (const Known &init : inits) results.push_back(g.tamed(g.like(init), 1).value);
    for (const Known &y : ys) results.push_back(g.like(y).value);
    return results;
  });
  for (auto [k, result] : llvm::enumerate(op->getResults()))
    g.add(result, k < inits.size() ? std::max(inits[k].magnitude, 1.0) : 4);
  return true;
}

/// Runs while a counter is below a bound that is a value of the graph, at most 6 times.
static bool whileLoop(RandomGraph &g) {
  if (g.isDeep()) return false;
  auto small = [](const Known &k) { return k.size() <= 100; };
  std::vector<Known> inits = pickSome(g, 1, small);
  if (inits.empty()) return false;
  mlir::RankedTensorType count = g.typeOf({}, DType::I32);
  auto number = [&](int32_t value) -> Value {
    return g.op<ir::ConstantOp>(mlir::DenseElementsAttr::get(count, value));
  };
  Value bound = g.op<ir::MinOp>(g.valueOf(count).value, number(6));
  llvm::SmallVector<mlir::Type> types;
  Values initValues;
  llvm::SmallVector<Argument> arguments;
  for (const Known &init : inits) {
    types.push_back(init.type());
    initValues.push_back(init.value);
    arguments.push_back({init.type(), std::max(init.magnitude, 1.0), false});
  }
  types.push_back(count);
  initValues.push_back(number(0));
  arguments.push_back({count, 6, true});
  auto op = g.op<ir::WhileOp>(types, initValues, 1 + g.rng.below(4));
  auto counter = [](mlir::Region &region) { return region.getArguments().back(); };
  g.inRegion(op->getRegion(0), arguments, [&] {
    return Values{g.op<ir::CompareOp>(counter(op->getRegion(0)), bound, ir::CompareDirection::lt)};
  });
  g.inRegion(op->getRegion(1), arguments, [&] {
    g.grow(2 + g.rng.below(6));
    Values results;
    for (const Known &init : inits) results.push_back(g.tamed(g.like(init), 1).value);
    results.push_back(g.op<ir::AddOp>(counter(op->getRegion(1)), number(1)));
    return results;
  });
  for (auto [k, init] : llvm::enumerate(inits))
    g.add(op->getResult(k), std::max(init.magnitude, 1.0));
  return true;
}

std::vector<WeightedStep> controlSteps() {
  return {{1, call}, {1, conditional}, {1.2, scan}, {0.8, whileLoop}};
}

} // namespace weir::testing
