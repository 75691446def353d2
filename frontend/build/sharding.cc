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

void bucketReductions(Graph &graph, int64_t bytes, Location at) {
  if (bytes < 0) throw Error("buckets of " + std::to_string(bytes) + " bytes", at);
  GraphState &state = *graph.state();
  (*state.module)
      ->setAttr(ir::spmd::kBucketBytesAttr, Builder(&state.context).getI64IntegerAttr(bytes));
}

namespace {

/// "[{data},{}]". Error: another number of dims than the tensor has.
std::string shardingText(const Operand &operand, const std::vector<std::string> &axes,
                         Location at) {
  if (static_cast<int64_t>(axes.size()) != operand.tensor.rank(at))
    throw Error("shard: " + std::to_string(axes.size()) + " entries for a tensor of rank " +
                    std::to_string(operand.tensor.rank(at)),
                at, {noteOn(operand)});
  std::string text = "[";
  for (const std::string &dim : axes) text += (text.size() > 1 ? ",{" : "{") + dim + "}";
  return text + "]";
}

} // namespace

void shard(Graph &graph, const Name &name, const std::vector<std::string> &axes) {
  GraphState &state = *graph.state();
  const Tensor tensor = graph.tensor(name);
  const uint32_t id = GraphState::idOf(tensor);
  auto is = [&](const auto &port) { return port.tensor == id; };
  if (!llvm::any_of(state.inputs, is) && !llvm::any_of(state.variables, is))
    throw Error("shard: '" + name.text + "' is an output; inputs and variables have a place",
                name.at);
  state.shardings[id] = shardingText({tensor, "tensor"}, axes, name.at);
}

Tensor shard(Arg x, const std::vector<std::string> &axes) {
  const Operand operand{tensorOf("shard", x), "operand"};
  const StatePtr &state = GraphState::stateOf(operand.tensor);
  const std::string text = shardingText(operand, axes, x.at);
  Value value = state->use(operand, "shard", x.at);
  OpBuilder b = state->builder();
  auto op = ir::spmd::ShardOp::create(b, state->locate(x.at), value.getType(), value,
                                      b.getStringAttr(text));
  return state->wrap(op.getResult(), x.at);
}

} // namespace weir
