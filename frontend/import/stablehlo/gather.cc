// gather and its relatives.
#include "frontend/import/stablehlo/index_space.h"

namespace weir::stablehlo {
namespace {

TensorList gatherWith(Op &op, const Dims64 &sliceSizes) {
  const GatherNumbers numbers = parseGather(op.dialectText("dimension_numbers"));
  const Tensor operand = op.operand(0), indices = op.operand(1);
  const IndexSpace space(op,
                         {numbers.offsetDims, numbers.collapsedSliceDims,
                          numbers.operandBatchingDims, numbers.startIndicesBatchingDims,
                          numbers.startIndexMap, numbers.indexVectorDim, sliceSizes},
                         operand.type(), indices.type());
  const Tensor positions = space.positions(indices, IndexSpace::Clamp);
  const Tensor form =
      gather(space.operandToIndexed(operand), positions, space.batchDims(), space.batchDims());
  return {space.slicesFromIndexed(form)};
}

TensorList gatherRule(Op &op) {
  op.expectOperands(2);
  return gatherWith(op, op.ints("slice_sizes", op.operand(0).shape().size()));
}

TensorList dynamicGather(Op &op) {
  op.expectOperands(3);
  const Dims64 sizes = op.constantInts(2);
  if (sizes.size() != op.operand(0).shape().size()) op.fail("needs a slice size for every dim");
  return gatherWith(op, sizes);
}

/// Rows of the operand along `dim`, the first `batch_dims` dims shared: Weir's gather.
TensorList torchIndexSelect(Op &op) {
  op.expectOperands(2);
  return {gather(op.operand(0), asIndex(op.operand(1)), op.integer("dim"),
                 op.integer("batch_dims", 0))};
}

} // namespace

void addGatherRules(Rules &rules) {
  const Rules own = {
      {"stablehlo.gather", {gatherRule}},
      {"stablehlo.dynamic_gather", {dynamicGather}},
      {"stablehlo.torch_index_select", {torchIndexSelect}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
