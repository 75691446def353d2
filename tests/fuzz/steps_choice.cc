// A choice of one among many regions: an if, in the else of an if, and so on, on the value of one
// integer.
#include "tests/fuzz/random_graph.h"

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using Values = llvm::SmallVector<Value>;

/// Fills the current block with the choice of regions `at` to `count`; what it gives.
static Values choose(RandomGraph &g, const Known &index, const std::vector<Known> &models,
                     int64_t at, int64_t count) {
  auto leaf = [&] {
    g.grow(1 + g.rng.below(3));
    Values results;
    for (const Known &model : models) results.push_back(g.like(model).value);
    return results;
  };
  if (at + 1 >= count || g.isDeep()) return leaf();
  Value isThis =
      g.op<ir::CompareOp>(index.value, g.splat(index.type(), at), ir::CompareDirection::eq);
  llvm::SmallVector<mlir::Type> types;
  for (const Known &model : models) types.push_back(model.type());
  auto op = g.op<ir::IfOp>(types, isThis);
  g.inRegion(op->getRegion(0), {}, leaf);
  g.inRegion(op->getRegion(1), {}, [&] { return choose(g, index, models, at + 1, count); });
  return Values(op->getResults());
}

static bool choice(RandomGraph &g) {
  if (g.isDeep()) return false;
  std::vector<Known> models;
  for (int64_t k = 1 + g.rng.below(2); k > 0; --k)
    if (auto model = g.pick([](const Known &) { return true; })) models.push_back(*model);
  if (models.empty()) return false;
  mlir::RankedTensorType scalar = g.typeOf({}, DType::I32);
  const int64_t count = 3 + g.rng.below(2);
  Known index = g.add(g.op<ir::RemOp>(g.valueOf(scalar).value, g.splat(scalar, count)), 0, true);
  for (Value result : choose(g, index, models, 0, count)) g.add(result, 4);
  return true;
}

std::vector<WeightedStep> choiceSteps() {
  return {{0.8, choice}};
}

} // namespace weir::testing
