// The type to compute in is an attribute of the module, which passes/precision reads. Conditional
// updates are selects between what is assigned and what was there.
#include "frontend/api/precision.h"
#include "frontend/api/ops.h"
#include "frontend/build/graph_state.h"

#include "ir/dialect/compute.h"

using namespace mlir;

namespace weir {

using namespace build;

void computeIn(Graph &graph, DType dtype, Location at) {
  GraphState &state = *graph.state();
  if (dtype != f16 && dtype != bf16 && dtype != f32)
    throw Error("computeIn: " + std::string(runtime::dtypeName(dtype)) +
                    "; contractions of f32 are computed in f16, bf16 or f32",
                at);
  Operation *module = *state.module;
  if (dtype == f32)
    module->removeAttr(ir::kComputeAttr);
  else
    module->setAttr(ir::kComputeAttr, TypeAttr::get(state.mlirType({dtype, {}}).getElementType()));
}

void updateOnlyIf(Graph &graph, Arg condition, const std::function<void()> &updates) {
  GraphState &state = *graph.state();
  Transaction transaction(state);
  CallScope scope(condition.at);
  const Tensor isDone = tensorOf("updateOnlyIf", condition, "condition");
  if (isDone.type(condition.at) != TensorType{i1, {}})
    throw Error("updateOnlyIf: condition is " + isDone.type().str() + ", but must be i1[]",
                condition.at, {noteOn(isDone, "condition")});
  std::vector<std::optional<uint32_t>> before;
  for (const VariableRecord &variable : state.variables) before.push_back(variable.update);
  updates();
  for (size_t i = 0; i < state.variables.size(); ++i) {
    const std::optional<uint32_t> update = state.variables[i].update;
    if (!update || (i < before.size() && before[i])) continue;
    const Tensor old = state.handle(state.variables[i].tensor);
    state.variables[i].update = GraphState::idOf(select(isDone, state.handle(*update), old));
  }
  transaction.commit();
}

} // namespace weir
