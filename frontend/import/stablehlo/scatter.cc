// scatter: by Weir's scatters where the region is one op; by gathering, combining and setting where
// indices are unique or only one update is made.
#include "frontend/import/stablehlo/combiner.h"
#include "frontend/import/stablehlo/index_space.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// The window sizes that the shape of the updates implies.
Dims64 windowSizesOf(const Op &op, const ScatterNumbers &n, const TensorType &operand,
                     const TensorType &updates) {
  Dims64 sizes(operand.shape.size(), 1);
  size_t next = 0;
  for (size_t d = 0; d < sizes.size(); ++d) {
    auto in = [&](const Dims64 &list) {
      return std::find(list.begin(), list.end(), static_cast<int64_t>(d)) != list.end();
    };
    if (in(n.insertedWindowDims) || in(n.inputBatchingDims)) continue;
    if (next >= n.updateWindowDims.size()) op.fail("update_window_dims has too few dims");
    const int64_t dim = n.updateWindowDims[next++];
    if (dim >= static_cast<int64_t>(updates.shape.size()))
      op.fail("update_window_dims names dim " + std::to_string(dim) + " of " + updates.str());
    sizes[d] = updates.shape[static_cast<size_t>(dim)];
  }
  return sizes;
}

/// One operand, all in indexed form.
Tensor scatterOne(Combiner combiner, const Tensor &operand, const Tensor &positions,
                  const Tensor &updates, int64_t dim) {
  // Truths are stored as 0 and 1, of which `or` is the larger and `and` the smaller.
  const bool isBool = operand.dtype() == i1;
  if (isBool && combiner != Combiner::Second)
    return convert(scatterOne(combiner == Combiner::Or ? Combiner::Max : Combiner::Min,
                              convert(operand, i32), positions, convert(updates, i32), dim),
                   i1);
  switch (combiner) {
  case Combiner::Sum:
    return scatterAdd(operand, positions, updates, dim, dim);
  case Combiner::Prod:
    return scatterMul(operand, positions, updates, dim, dim);
  case Combiner::Max:
    return scatterMax(operand, positions, updates, dim, dim);
  case Combiner::Min:
    return scatterMin(operand, positions, updates, dim, dim);
  case Combiner::Second:
    return scatterSet(operand, positions, updates, dim, dim);
  default:
    throw Error("combining integers by `and` or `or` where indices repeat is not supported",
                Location::current());
  }
}

/// The region is `first - second`.
bool isDifference(Region &region) {
  if (!region.hasOneBlock() || region.front().getNumArguments() != 2 || region.front().empty())
    return false;
  Operation &end = region.front().back();
  Operation *op = end.getNumOperands() == 1 ? end.getOperand(0).getDefiningOp() : nullptr;
  return op && op->getName().getStringRef() == "stablehlo.subtract" && op->getNumOperands() == 2 &&
         op->getOperand(0) == region.front().getArgument(0) &&
         op->getOperand(1) == region.front().getArgument(1);
}

TensorList scatterRule(Op &op) {
  if (op.size() % 2 == 0) op.fail("needs operands, indices, and as many updates");
  const size_t count = op.size() / 2;
  if (count == 0) op.fail("needs operands");
  const ScatterNumbers n = parseScatter(op.dialectText("scatter_dimension_numbers"));
  const TensorList operands = op.operands(0, count), updates = op.operands(count + 1, count);
  const Tensor indices = op.operand(count);
  const IndexSpace space(op,
                         {n.updateWindowDims, n.insertedWindowDims, n.inputBatchingDims,
                          n.scatterIndicesBatchingDims, n.scatterDimsToOperandDims,
                          n.indexVectorDim,
                          windowSizesOf(op, n, operands[0].type(), updates[0].type())},
                         operands[0].type(), indices.type());
  const Tensor positions = space.positions(indices, IndexSpace::Drop);
  const int64_t dim = space.batchDims();
  TensorList into, from, results;
  for (size_t i = 0; i < count; ++i) {
    if (operands[i].shape() != operands[0].shape()) op.fail("operands have different shapes");
    if (updates[i].shape() != space.slicesShape())
      op.fail("updates are " + updates[i].type().str() + ", but have shape " +
              TensorType{updates[i].dtype(), space.slicesShape()}.str());
    into.push_back(space.operandToIndexed(operands[i]));
    from.push_back(space.slicesToIndexed(updates[i]));
  }
  std::optional<Combiner> combiner = combinerOf(op.region(0));
  if (count == 1 && combiner == Combiner::First) return operands;
  if (count == 1 && combiner) {
    results = {scatterOne(*combiner, into[0], positions, from[0], dim)};
  } else if (count == 1 && isDifference(op.region(0))) {
    results = {scatterAdd(into[0], positions, -from[0], dim, dim)};
  } else if (op.flag("unique_indices")) {
    // No element is met twice, so each is read, combined and set once.
    TensorList args;
    for (const Tensor &x : into) args.push_back(gather(x, positions, dim, dim));
    args.insert(args.end(), from.begin(), from.end());
    TensorList combined = op.importer.lift(op.region(0), args, from[0].shape());
    for (size_t i = 0; i < count && i < combined.size(); ++i)
      results.push_back(scatterSet(into[i], positions, combined[i], dim, dim));
  } else {
    op.fail("combines by a region other than add, subtract, multiply, maximum, minimum or the "
            "update, while indices may repeat");
  }
  for (Tensor &result : results) result = space.operandFromIndexed(result);
  return results;
}

} // namespace

void addScatterRules(Rules &rules) {
  rules.insert({"stablehlo.scatter", {scatterRule}});
}

} // namespace weir::stablehlo
