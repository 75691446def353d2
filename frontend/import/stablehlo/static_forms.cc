// Ops with sizes as operands, where types and constants say what the sizes are.
#include "frontend/import/stablehlo/op.h"

namespace weir::stablehlo {
namespace {

TensorList realDynamicSlice(Op &op) {
  op.expectOperands(4);
  return {slice(op.operand(0), op.constantInts(1), op.constantInts(2), op.constantInts(3))};
}

TensorList dynamicPad(Op &op) {
  op.expectOperands(5);
  return {pad(op.operand(0), op.operand(1), op.constantInts(2), op.constantInts(3),
              op.constantInts(4))};
}

TensorList dimensionSize(Op &op) {
  op.expectOperands(1);
  const Tensor x = op.operand(0);
  return {op.importer.graph.scalar(static_cast<double>(x.dim(op.integer("dimension"))), i32)};
}

} // namespace

void addStaticFormRules(Rules &rules) {
  const Rules own = {
      // The result's type says all: the sizes are not looked at.
      {"stablehlo.dynamic_reshape",
       {[](Op &op) { return findRule("stablehlo.reshape")->apply(op); }}},
      {"stablehlo.dynamic_iota", {[](Op &op) { return findRule("stablehlo.iota")->apply(op); }}},
      {"stablehlo.dynamic_broadcast_in_dim",
       {[](Op &op) { return findRule("stablehlo.broadcast_in_dim")->apply(op); }}},
      {"stablehlo.real_dynamic_slice", {realDynamicSlice}},
      {"stablehlo.dynamic_pad", {dynamicPad}},
      {"stablehlo.get_dimension_size", {dimensionSize}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
