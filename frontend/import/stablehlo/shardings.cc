// Shardy's annotations, which JAX prints: the mesh of a module, shardings of the arguments of
// @main, and constraints on values. They say where values lie, never what they are; what is spelled
// in another way than over the named axes of one mesh is reported.
#include "frontend/api/sharding.h"
#include "frontend/import/stablehlo/op.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// What stands after '#sdy.'.
std::string sdyText(Attribute attribute) {
  auto opaque = dyn_cast_or_null<OpaqueAttr>(attribute);
  if (opaque && opaque.getDialectNamespace() == "sdy") return opaque.getAttrData().str();
  throw Error("needs a #sdy attribute", Location::current());
}

Operation *findMesh(Source &source) {
  Operation *found = nullptr;
  for (Operation &op : source.module->getOps())
    if (op.getName().getStringRef() == "sdy.mesh") {
      if (found)
        throw Error("a second mesh: a graph is for the devices of one", source.place(&op), {}, "");
      found = &op;
    }
  return found;
}

std::vector<std::string> axesOf(const ShardingText &sharding) {
  std::vector<std::string> axes;
  for (const auto &dim : sharding.dims) {
    axes.emplace_back();
    for (const std::string &axis : dim) axes.back() += (axes.back().empty() ? "" : ",") + axis;
  }
  return axes;
}

TensorList constraint(Op &op) {
  op.expectOperands(1);
  const ShardingText sharding = parseSharding(sdyText(op.attribute("sharding")));
  return {sharding.isOpen ? op.operand(0) : shard(op.operand(0), axesOf(sharding))};
}

/// Of a program as each device runs it. In groups of one they change nothing; a graph of Weir is of
/// whole values, and shardings say where collectives go.
TensorList collective(Op &op) {
  auto groups = dyn_cast_or_null<ElementsAttr>(op.attribute("replica_groups"));
  if (groups && groups.getShapedType().getRank() == 2 && groups.getShapedType().getDimSize(1) == 1)
    return op.operands();
  op.fail(
      "is of a program that each of several devices runs on its pieces; what can be imported is "
      "the program of whole values with its shardings (#sdy.sharding)");
}

} // namespace

void applyMesh(Source &source, Graph &graph) {
  Operation *op = findMesh(source);
  if (!op) return;
  CallScope scope(source.place(op));
  std::string axes;
  try {
    auto attribute = op->getAttr("mesh");
    if (auto properties = dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
      if (Attribute found = properties.get("mesh")) attribute = found;
    for (const auto &[name, size] : parseMesh(sdyText(attribute)).axes)
      axes += (axes.empty() ? "" : ",") + name + "=" + std::to_string(size);
  } catch (const AttributeError &error) {
    throw Error(std::string("sdy.mesh: ") + error.what(), Location::current());
  }
  useMesh(graph, Mesh(axes));
  for (unsigned i = 0; i < source.main.getNumArguments(); ++i) {
    Attribute said = source.main.getArgAttr(i, "sdy.sharding");
    if (!said) continue;
    try {
      const ShardingText sharding = parseSharding(sdyText(said));
      if (!sharding.isOpen) shard(graph, Name("arg" + std::to_string(i)), axesOf(sharding));
    } catch (const AttributeError &error) {
      throw Error("argument " + std::to_string(i) + " of @main: " + error.what(),
                  Location::current());
    }
  }
}

void addShardingRules(Rules &rules) {
  rules.insert({"sdy.sharding_constraint", {constraint}});
  for (const char *name : {"all_gather", "all_reduce", "all_to_all", "collective_broadcast",
                           "collective_permute", "reduce_scatter"})
    rules.insert({std::string("stablehlo.") + name, {collective}});
}

} // namespace weir::stablehlo
