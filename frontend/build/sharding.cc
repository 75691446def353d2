// Meshes are an attribute of the module, shardings an op that is the identity; both mean something
// to distributed/ only.
#include "frontend/api/sharding.h"
#include "frontend/build/graph_state.h"

#include "distributed/sharding/sharding.h"
#include "ir/collective/spmd.h"

using namespace mlir;

namespace weir {

using namespace build;

Mesh::Mesh(std::string spelled, Location at) {
  auto mesh = distributed::parseMesh(spelled);
  if (!mesh.ok()) throw Error("mesh: " + std::string(mesh.status().message()), at);
  text = mesh->str();
}

int64_t Mesh::devices() const {
  return distributed::parseMesh(text)->devices();
}

void useMesh(Graph &graph, const Mesh &mesh) {
  GraphState &state = *graph.state();
  (*state.module)->setAttr(ir::spmd::kMeshAttr, StringAttr::get(&state.context, mesh.str()));
}

Tensor shard(Arg x, const std::vector<std::string> &axes) {
  const Operand operand{tensorOf("shard", x), "operand"};
  const StatePtr &state = GraphState::stateOf(operand.tensor);
  if (static_cast<int64_t>(axes.size()) != operand.tensor.rank(x.at))
    throw Error("shard: " + std::to_string(axes.size()) + " entries for a tensor of rank " +
                    std::to_string(operand.tensor.rank(x.at)),
                x.at, {noteOn(operand)});
  std::string text = "[";
  for (const std::string &dim : axes) text += (text.size() > 1 ? ",{" : "{") + dim + "}";
  Value value = state->use(operand, "shard", x.at);
  OpBuilder b = state->builder();
  auto op = ir::spmd::ShardOp::create(b, state->locate(x.at), value.getType(), value,
                                      b.getStringAttr(text + "]"));
  return state->wrap(op.getResult(), x.at);
}

} // namespace weir
