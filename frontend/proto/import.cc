// From bytes to MLIR. Ops are built from their names; ids, names and attributes are checked as they
// come, the rest by the verifier, which knows every op.
#include "frontend/proto/codec.h"
#include "frontend/proto/wire.h"

#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <unordered_map>

using namespace mlir;

namespace weir::graph_file {
namespace {

class Importer {
public:
  Importer(MLIRContext &context, const std::string &name, const proto::Graph &graph,
           const ReadTensor &read, Values *values)
      : context(context), name(name), graph(graph), attributes(&context, read),
        initialValues(values), builder(&context) {}

  OwningOpRef<ModuleOp> run() {
    OwningOpRef<ModuleOp> module(ModuleOp::create(UnknownLoc::get(&context)));
    guarded([&] {
      locations.emplace(&context, graph, attributes);
      setDiscardable(*module, attributes.read(graph.attributes()));
      module->getOperation()->setLoc((*locations)[graph.location()]);
    });
    for (const proto::Function &function : graph.functions()) {
      what = "@" + function.name();
      place.reset();
      guarded([&] { read(function, *module); });
    }
    requireValid(*module);
    return module;
  }

private:
  [[noreturn]] void fail(const std::string &message) {
    std::vector<Note> notes;
    if (place) notes.push_back({*place, "it was made here"});
    throw Error((what.empty() ? "" : what + ": ") + message, Place(name, 0), std::move(notes), "");
  }
  template <typename F> void guarded(F body) {
    try {
      body();
    } catch (Problem &problem) {
      fail(problem.message);
    }
  }
  /// Throws what the verifier finds, at the places of the ops.
  void requireValid(ModuleOp module) {
    std::vector<Note> found;
    auto add = [&](Diagnostic &diagnostic) {
      found.push_back(
          {userPlace(diagnostic.getLocation()).value_or(Place(name, 0)), diagnostic.str()});
    };
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() != DiagnosticSeverity::Error) return success();
      add(diagnostic);
      for (Diagnostic &note : diagnostic.getNotes()) add(note);
      return success();
    });
    if (succeeded(verify(module))) return;
    if (found.empty()) found.push_back({Place(name, 0), "the graph does not verify"});
    found.push_back({Place(name, 0), "in this graph file"});
    throw Error(found[0].message, found[0].at, {found.begin() + 1, found.end()}, "");
  }

  /// Attributes that no record declares carry their dialect's name.
  static void setDiscardable(Operation *op, const NamedAttrList &list) {
    for (NamedAttribute attribute : list)
      op->setDiscardableAttr(attribute.getName(), attribute.getValue());
    for (NamedAttribute attribute : list)
      if (!attribute.getName().getValue().contains('.'))
        throw Problem{"it has no attribute '" + attribute.getName().str() + "'"};
  }

  void read(const proto::Function &from, ModuleOp module) {
    if (from.name().empty()) throw Problem{"a function has no name"};
    SmallVector<mlir::Type> inputs, results;
    for (const proto::Value &argument : from.body().arguments())
      inputs.push_back(decodeType(&context, argument.type()));
    for (const proto::FunctionResult &result : from.results())
      results.push_back(decodeType(&context, result.type()));
    builder.setInsertionPointToEnd(module.getBody());
    auto function = func::FuncOp::create(builder, (*locations)[from.location()], from.name(),
                                         FunctionType::get(&context, inputs, results));
    if (from.is_private()) function.setPrivate();
    setDiscardable(function, attributes.read(from.attributes()));
    for (auto [i, argument] : llvm::enumerate(from.body().arguments()))
      if (!argument.attributes().empty()) {
        const bool isPort = from.name() == "main";
        function.setArgAttrs(
            i, isPort ? readPort(argument)
                      : attributes.read(argument.attributes()).getDictionary(&context));
      }
    for (auto [i, result] : llvm::enumerate(from.results()))
      if (!result.attributes().empty())
        function.setResultAttrs(i, attributes.read(result.attributes()).getDictionary(&context));
    values.clear();
    functionName = "@" + from.name();
    ops = 0;
    read(from.body(), function.getBody());
    if (!from.body().ops_size()) throw Problem{"the function has no ops; it ends in func.return"};
  }

  /// Attributes of an argument of @main, without its value.
  DictionaryAttr readPort(const proto::Value &argument) {
    google::protobuf::RepeatedPtrField<proto::NamedAttribute> others;
    std::optional<graph_file::Value> value;
    for (const proto::NamedAttribute &entry : argument.attributes()) {
      if (entry.name() != kInitial) {
        *others.Add() = entry;
        continue;
      }
      if (value) throw Problem{"attribute 'weir.initial' is given twice"};
      if (!entry.value().has_tensor()) throw Problem{"attribute 'weir.initial' is not a tensor"};
      value = attributes.readValue(entry.value().tensor());
    }
    NamedAttrList list = attributes.read(others);
    if (!value) return list.getDictionary(&context);
    auto variable = dyn_cast_or_null<StringAttr>(list.get(ir::kVariableAttr));
    if (!variable) throw Problem{"attribute 'weir.initial' is of an argument that is no variable"};
    auto type = decodeType(&context, argument.type());
    if (value->type != TensorType{*ir::dtypeOf(type), Shape(type.getShape())})
      throw Problem{"the value of variable '" + variable.str() + "' is " + value->type.str() +
                    ", which is not its type"};
    if (initialValues) initialValues->insert_or_assign(variable.str(), *std::move(value));
    return list.getDictionary(&context);
  }

  void define(const proto::Value &from, mlir::Value value) {
    if (!values.emplace(from.id(), value).second)
      throw Problem{"value " + std::to_string(from.id()) + " is defined twice"};
    visible.push_back(from.id());
  }

  void read(const proto::Block &from, Region &region) {
    Block *block = new Block;
    region.push_back(block);
    const size_t outer = visible.size();
    for (const proto::Value &argument : from.arguments())
      define(argument, block->addArgument(decodeType(&context, argument.type()),
                                          (*locations)[argument.location()]));
    for (const proto::Op &op : from.ops()) {
      builder.setInsertionPointToEnd(block);
      read(op);
    }
    for (size_t i = outer; i < visible.size(); ++i) values.erase(visible[i]);
    visible.resize(outer);
  }

  OperationName nameOf(const proto::Op &from) {
    auto known = RegisteredOperationName::lookup(from.name(), &context);
    if (!known || !isGraphOp(*known)) throw Problem{"there is no op of this name"};
    return *known;
  }

  void read(const proto::Op &from) {
    const std::string outerWhat = what;
    const std::optional<Place> outerPlace = place;
    what = functionName + " op " + std::to_string(ops++) + ", " + from.name();
    place.reset();
    OperationState state((*locations)[from.location()], nameOf(from));
    place = userPlace(state.location);
    for (auto [i, id] : llvm::enumerate(from.operands())) {
      auto value = values.find(id);
      if (value == values.end())
        throw Problem{"operand " + std::to_string(i) + " is value " + std::to_string(id) +
                      ", which is not defined before"};
      state.operands.push_back(value->second);
    }
    for (const proto::Value &result : from.results())
      state.types.push_back(decodeType(&context, result.type()));
    state.attributes = attributes.read(from.attributes());
    for (int i = 0; i < from.regions_size(); ++i) state.addRegion();
    const NamedAttrList given = state.attributes;
    Operation *op = builder.create(state);
    requireTaken(op, given);
    for (auto [result, value] : llvm::zip(from.results(), op->getResults())) {
      if (!result.attributes().empty() || result.location())
        throw Problem{"results have no attributes and no locations of their own"};
      define(result, value);
    }
    for (int i = 0; i < from.regions_size(); ++i) {
      if (from.regions(i).blocks_size() != 1)
        throw Problem{"region " + std::to_string(i) + " has " +
                      std::to_string(from.regions(i).blocks_size()) + " blocks, expected one"};
      read(from.regions(i).blocks(0), op->getRegion(i));
    }
    what = outerWhat;
    place = outerPlace;
  }

  /// MLIR leaves out silently what is not of the kind that the op's record says.
  static void requireTaken(Operation *op, const NamedAttrList &given) {
    for (NamedAttribute attribute : given) {
      const StringRef name = attribute.getName();
      if (!op->getInherentAttr(name) && !name.contains('.'))
        throw Problem{"it has no attribute '" + name.str() + "'"};
      if (op->getAttr(name) != attribute.getValue())
        throw Problem{"attribute '" + name.str() + "' is " + describe(attribute.getValue()) +
                      ", which is not of its kind"};
    }
  }

  MLIRContext &context;
  const std::string &name;
  const proto::Graph &graph;
  AttributeReader attributes;
  Values *initialValues;
  std::optional<LocationReader> locations;
  OpBuilder builder;
  std::unordered_map<uint64_t, mlir::Value> values;
  std::vector<uint64_t> visible; // ids of values, in the order of their definition
  // For messages.
  std::string what, functionName;
  std::optional<Place> place;
  size_t ops = 0;
};

} // namespace

OwningOpRef<ModuleOp> importGraph(std::string_view bytes, MLIRContext &context,
                                  const std::string &name, const ReadTensor &read, Values *values) {
  auto refuse = [&](const std::string &message) { throw Error(message, Place(name, 0), {}, ""); };
  if (!isGraphFile(bytes)) refuse("not a .weir graph file");
  proto::Graph graph;
  const bool whole = parseMessage(bytes, graph);
  if (graph.version() > kVersion)
    refuse("the file has version " + std::to_string(graph.version()) +
           " of the graph format; this weir reads versions up to " + std::to_string(kVersion));
  if (!whole) refuse("the file is truncated or damaged");
  if (graph.version() == 0) refuse("the file has no version");
  const size_t known = graph.ByteSizeLong();
  graph.DiscardUnknownFields();
  if (graph.ByteSizeLong() != known)
    refuse("the file has fields that version " + std::to_string(graph.version()) +
           " of the format does not have");
  context.loadDialect<ir::WeirDialect, func::FuncDialect>();
  return Importer(context, name, graph, read, values).run();
}

} // namespace weir::graph_file
