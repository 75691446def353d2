// sort by a recognised comparator, and CHLO's top_k.
#include "frontend/import/stablehlo/comparator.h"
#include "frontend/import/stablehlo/op.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// Sorts `keys` and lets `xs` go along; the sorted xs.
TensorList sortBy(TensorList keys, const TensorList &xs, int64_t dim, bool descending) {
  const auto count = static_cast<int64_t>(keys.size());
  keys.insert(keys.end(), xs.begin(), xs.end());
  TensorList sorted = sort(keys, dim, count, descending);
  return TensorList(sorted.begin() + count, sorted.end());
}

/// The keys are a prefix of the operands: they need not be sorted twice.
bool isPrefix(const std::vector<int64_t> &keys) {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] != static_cast<int64_t>(i)) return false;
  return true;
}

TensorList sortRule(Op &op) {
  const TensorList xs = op.operands();
  if (xs.empty()) op.fail("needs operands");
  std::vector<DType> dtypes;
  for (size_t i = 0; i < xs.size(); ++i) {
    dtypes.push_back(op.narrowOperand(i).dtype);
    if (xs[i].shape() != xs[0].shape()) op.fail("operands have different shapes");
  }
  const int64_t dim = op.integer("dimension", -1);
  if (dim < -xs[0].rank() || dim >= xs[0].rank())
    op.fail("there is no dim " + std::to_string(dim) + " in " + xs[0].type().str());
  Region &comparator = op.region(0);
  if (auto order = sortOrderOf(comparator, dtypes)) {
    if (isPrefix(order->keys) && !order->totalOrder)
      return sort(xs, dim, static_cast<int64_t>(order->keys.size()), order->descending);
    TensorList keys;
    for (int64_t key : order->keys) {
      const Tensor &x = xs[static_cast<size_t>(key)];
      keys.push_back(order->totalOrder ? totalOrderKey(x) : x);
    }
    return sortBy(keys, xs, dim, order->descending);
  }
  if (auto compared = comparedKeysOf(comparator)) {
    // f of all elements is the key; both arguments of the region are the whole operand.
    TensorList args;
    for (const Tensor &x : xs) args.insert(args.end(), {x, x});
    op.importer.lift(comparator, args, xs[0].shape());
    const Tensor key = fill(op.importer.lookup(compared->first), xs[0].shape());
    return sortBy({compared->totalOrder ? totalOrderKey(key) : key}, xs, dim, compared->descending);
  }
  op.fail("the comparator is none that is recognised: lexicographic by up to three operands, all "
          "ascending or all descending, or one function of each side compared by LT or GT");
}

TensorList topKRule(Op &op) {
  op.expectOperands(1);
  const Tensor x = op.operand(0);
  const int64_t k = op.integer("k");
  if (x.rank() == 0 || k < 0 || k > x.dim(-1))
    op.fail("k is " + std::to_string(k) + " for " + x.type().str());
  auto [values, positions] = topK(x, k);
  return {values, convert(positions, op.result(1).dtype)};
}

} // namespace

void addSortRules(Rules &rules) {
  rules.insert({"stablehlo.sort", {sortRule}});
  rules.insert({"chlo.top_k", {topKRule}});
}

} // namespace weir::stablehlo
