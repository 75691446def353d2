// Shardy's annotations, which JAX prints: the mesh of a module, shardings of the arguments of
// @main, and constraints on values. And those of XLA before it, mhlo.sharding on arguments, results
// and ops. They say where values lie, never what they are; what is spelled in another way than over
// the axes of one mesh is reported.
#include "frontend/api/sharding.h"
#include "frontend/import/stablehlo/op.h"
#include "frontend/import/stablehlo/tiling.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

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

/// Nothing where nothing is said.
std::optional<Tiling> tilingOf(Attribute said, Type type) {
  auto text = dyn_cast_or_null<StringAttr>(said);
  auto shaped = dyn_cast<ShapedType>(type);
  if (!said) return std::nullopt;
  if (!text || !shaped) throw std::invalid_argument("mhlo.sharding is a text, of one tensor");
  Tiling tiling = parseTiling(text.getValue(), static_cast<size_t>(shaped.getRank()));
  if (tiling.isOpen) return std::nullopt;
  return tiling;
}

/// What mhlo.sharding says, in the order of the text; null where it says nothing.
class Tilings {
public:
  explicit Tilings(Source &source) : source(source), mesh(std::make_shared<TilingMesh>()) {
    for (unsigned i = 0; i < source.main.getNumArguments(); ++i)
      read(source.main,
           "argument " + std::to_string(i) + " of @main: ", source.main.getArgAttr(i, kTilingAttr),
           source.main.getArgument(i).getType());
    for (unsigned i = 0; i < source.main.getNumResults(); ++i)
      read(source.main,
           "result " + std::to_string(i) + " of @main: ", source.main.getResultAttr(i, kTilingAttr),
           source.main.getResultTypes()[i]);
    source.module->walk([&](Operation *op) {
      Attribute said = op->getAttr(kTilingAttr);
      if (said && op->getNumResults() != 1)
        throw Error("mhlo.sharding is for ops with one result", source.place(op), {}, "");
      if (said) read(op, "", said, op->getResult(0).getType());
    });
  }

  std::shared_ptr<const TilingMesh> apply(Graph &graph) {
    if (!mesh->hasAxes()) return nullptr;
    useMesh(graph, Mesh(mesh->str()));
    for (unsigned i = 0; i < source.main.getNumArguments(); ++i)
      if (auto tiling = tilingOf(source.main.getArgAttr(i, kTilingAttr),
                                 source.main.getArgument(i).getType()))
        shard(graph, Name("arg" + std::to_string(i)), mesh->axesOf(*tiling));
    return mesh;
  }

  bool isEmpty() const { return !first; }
  Operation *firstOp() const { return first; }

private:
  void read(Operation *op, const std::string &what, Attribute said, Type type) {
    if (said && !first) first = op;
    try {
      if (auto tiling = tilingOf(said, type)) mesh->add(*tiling);
    } catch (const AttributeError &error) {
      throw Error(what + "mhlo.sharding: " + error.what(), source.place(op), {}, "");
    } catch (const std::invalid_argument &error) {
      throw Error(what + error.what(), source.place(op), {}, "");
    }
  }

  Source &source;
  std::shared_ptr<TilingMesh> mesh;
  Operation *first = nullptr; ///< that says anything
};

} // namespace

TensorList tiled(const TilingMesh &mesh, Attribute said, const TensorList &results) {
  auto text = dyn_cast_or_null<StringAttr>(said);
  if (!text || results.size() != 1) return results;
  const Tiling tiling = parseTiling(text.getValue(), results[0].shape().size());
  return {tiling.isOpen ? results[0] : shard(results[0], mesh.axesOf(tiling))};
}

std::shared_ptr<const TilingMesh> applyMesh(Source &source, Graph &graph) {
  Operation *op = findMesh(source);
  Tilings tilings(source);
  if (!op) return tilings.apply(graph);
  if (!tilings.isEmpty())
    throw Error("mhlo.sharding in a module with a mesh of Shardy: say it with #sdy.sharding",
                source.place(tilings.firstOp()), {}, "");
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
  return nullptr;
}

void addShardingRules(Rules &rules) {
  rules.insert({"sdy.sharding_constraint", {constraint}});
  for (const char *name : {"all_gather", "all_reduce", "all_to_all", "collective_broadcast",
                           "collective_permute", "reduce_scatter"})
    rules.insert({std::string("stablehlo.") + name, {collective}});
}

} // namespace weir::stablehlo
