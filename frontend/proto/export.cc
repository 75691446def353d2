// From MLIR to bytes. Functions, blocks and ops are walked in order, so ids, the location table and
// therefore the bytes depend on the graph alone.
#include "frontend/proto/codec.h"
#include "frontend/proto/wire.h"

#include "ir/interfaces/iteration_space.h"

#include "ir/dialect/weir.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weir::graph_file {
namespace {

class Exporter {
public:
  Exporter(ExternalTensors *external, const Values *values, Location at)
      : attributes(external), locations(graph, attributes), values(values), at(at) {}

  proto::Graph run(ModuleOp module) {
    graph.set_format(kFormat);
    graph.set_version(kVersion);
    guarded(module, [&] {
      attributes.write(module->getAttrDictionary(), *graph.mutable_attributes());
      graph.set_location(locations.number(module.getLoc()));
    });
    for (Operation &op : *module.getBody()) {
      auto function = dyn_cast<func::FuncOp>(op);
      if (!function || function.isDeclaration())
        fail(&op, function ? "a function without a body cannot be written"
                           : "a graph file holds functions only");
      guarded(&op, [&] { write(function, *graph.add_functions()); });
    }
    return std::move(graph);
  }

private:
  [[noreturn]] void fail(Operation *op, const std::string &message) {
    const std::string what = op->getName().getStringRef().str() + ": " + message;
    if (std::optional<Place> place = userPlace(op->getLoc())) throw Error(what, *place, {}, "");
    throw Error(what, at);
  }

  template <typename F> void guarded(Operation *op, F body) {
    try {
      body();
    } catch (Problem &problem) {
      fail(op, problem.message);
    }
  }

  void write(func::FuncOp function, proto::Function &to) {
    if (!function.getBody().hasOneBlock())
      throw Problem{"branches between blocks cannot be written"};
    nextId = 0;
    ids.clear();
    to.set_name(function.getSymName().str());
    if (!function.isPublic() && !function.isPrivate())
      throw Problem{"nested visibility cannot be written"};
    to.set_is_private(function.isPrivate());
    attributes.write(function->getDiscardableAttrDictionary(), *to.mutable_attributes());
    for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
      proto::FunctionResult &result = *to.add_results();
      encodeType(type, *result.mutable_type());
      if (DictionaryAttr list = function.getResultAttrDict(i))
        attributes.write(list, *result.mutable_attributes());
    }
    to.set_location(locations.number(function.getLoc()));
    write(function.getBody().front(), *to.mutable_body(), 1);
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (DictionaryAttr list = function.getArgAttrDict(i)) {
        auto &written = *to.mutable_body()->mutable_arguments(i)->mutable_attributes();
        attributes.write(list, written);
        if (function.getSymName() == "main") writeValue(list, written);
      }
  }

  /// The value of a variable, in its place among the other attributes.
  template <typename List> void writeValue(DictionaryAttr argument, List &to) {
    auto name = argument.getAs<StringAttr>(ir::kVariableAttr);
    auto value = name && values ? values->find(name.str()) : Values::const_iterator();
    if (!name || !values || value == values->end()) return;
    auto &entry = *to.Add();
    entry.set_name(kInitial);
    attributes.write(value->second, value->first, *entry.mutable_value()->mutable_tensor());
    for (int i = to.size() - 1; i > 0 && to[i].name() < to[i - 1].name(); --i)
      to.SwapElements(i, i - 1);
  }

  void define(mlir::Value value, proto::Value &to) {
    ids[value] = nextId;
    to.set_id(nextId++);
    encodeType(value.getType(), *to.mutable_type());
  }

  void write(Block &block, proto::Block &to, int depth) {
    for (BlockArgument argument : block.getArguments()) {
      proto::Value &value = *to.add_arguments();
      define(argument, value);
      value.set_location(locations.number(argument.getLoc()));
    }
    for (Operation &op : block) guarded(&op, [&] { write(op, *to.add_ops(), depth); });
  }

  void write(Operation &op, proto::Op &to, int depth) {
    if (!isGraphOp(op.getName())) throw Problem{"this op is not one of a graph"};
    if (op.getNumSuccessors() || 3 * depth > kMaxDepth - 20)
      throw Problem{"branches between blocks, and deeper regions, cannot be written"};
    to.set_name(op.getName().getStringRef().str());
    for (mlir::Value operand : op.getOperands()) {
      auto known = ids.find(operand);
      if (known == ids.end()) throw Problem{"an operand is not defined before its use"};
      to.add_operands(known->second);
    }
    for (mlir::Value result : op.getResults()) define(result, *to.add_results());
    attributes.write(op.getAttrDictionary(), *to.mutable_attributes());
    to.set_location(locations.number(op.getLoc()));
    for (Region &region : op.getRegions()) {
      proto::Region &written = *to.add_regions();
      for (Block &block : region) write(block, *written.add_blocks(), depth + 1);
    }
  }

  proto::Graph graph;
  AttributeWriter attributes;
  LocationWriter locations;
  const Values *values;
  Location at;
  DenseMap<mlir::Value, uint64_t> ids;
  uint64_t nextId = 0;
};

} // namespace

std::string exportGraph(ModuleOp module, ExternalTensors *external, Location at,
                        const Values *values) {
  const proto::Graph graph = Exporter(external, values, at).run(module);
  if (graph.ByteSizeLong() > kMaxBytes)
    throw Error("the graph has more than 2 GiB; put its values into a weights file", at);
  std::string bytes = graph.SerializeAsString();
  // What is written can be read: names are UTF-8, and attributes do not nest too deeply.
  proto::Graph again;
  if (!parseMessage(bytes, again))
    throw Error("the graph has a name that is not UTF-8, or attributes that nest too deeply", at);
  return bytes;
}

} // namespace weir::graph_file
