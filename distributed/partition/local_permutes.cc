#include "distributed/partition/local_permutes.h"

#include "distributed/partition/exchange_halos.h"
#include "distributed/partition/partition.h"
#include "distributed/partition/pick_locally.h"
#include "distributed/propagate/rule.h"
#include "ir/collective/spmd.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

SmallVector<LocalPermute>
localPermutesOf(Operation *op, const llvm::DenseMap<Value, Sharding> &shardings, const Mesh &mesh) {
  SmallVector<LocalPermute> permutes;
  if (op->getNumRegions() > 0 || op->hasTrait<OpTrait::IsTerminator>() ||
      isa<spmd::SpmdDialect>(op->getDialect()))
    return permutes;
  const OpRule rule = ruleOf(op);
  auto elementsOf = [&](Value value) {
    int64_t count = 1;
    for (int64_t size : localShape(shapeOf(value), shardings.find(value)->second, mesh))
      count *= size;
    return count;
  };
  for (const Factor &factor : rule.factors)
    for (const Halo &halo : factor.halos) {
      const Value value = op->getOperand(halo.operand);
      const std::vector<int> &axes = shardings.find(value)->second.dims[halo.dim];
      auto here = axes.empty() ? std::nullopt : halo.local(axes, mesh);
      if (!here || !here->held) continue;
      const int64_t slice = elementsOf(value) / here->held;
      for (auto [size, distance] : {std::pair{here->left, -1}, std::pair{here->right, 1}})
        if (size)
          permutes.push_back(
              {value, slice * size, neighbourSources(axes, mesh, distance), haloReason(op)});
    }
  auto places = indicesOperand(op) ? permutationOf(op) : std::nullopt;
  if (!places) return permutes;
  const Value value = op->getOperand(0);
  for (auto [factor, axes] : llvm::zip(rule.operands[0], shardings.find(value)->second.dims))
    if (factor >= 0 && rule.factors[factor].isPositional && !axes.empty())
      permutes.push_back(
          {value, elementsOf(value), placeSources(*places, axes, mesh), kPlacesReason});
  return permutes;
}

} // namespace weir::distributed
