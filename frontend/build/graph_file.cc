// Graph::save and Graph::load: the finished module and the variables' values to a .weir file, and a
// module read from one taken apart into inputs, variables and outputs again.
#include "frontend/proto/graph_file.h"
#include "frontend/api/initial_values.h"
#include "frontend/build/graph_bytes.h"
#include "frontend/build/graph_state.h"

#include "ir/dialect/weir.h"

#include <filesystem>

using namespace mlir;

namespace weir {

using namespace build;

namespace {

constexpr StringRef kSeed = "weir.seed", kTrainable = "weir.trainable";

graph_file::Values valuesOf(const GraphState &state, const SaveOptions &options, Location at) {
  graph_file::Values values;
  for (const VariableRecord &variable : state.variables) {
    if (options.program)
      values.emplace(variable.name,
                     graph_file::Value::of(options.program->variable(Name(variable.name, at))));
    else if (variable.initial)
      values.emplace(variable.name, graph_file::Value::of(state.initialValue(variable)));
  }
  return values;
}

/// A module that was read becomes the content of a state that is still empty.
class Loader {
public:
  Loader(GraphState &state, const std::string &path, const graph_file::Values &values)
      : state(state), path(path), values(values) {}

  void take(OwningOpRef<ModuleOp> module) {
    for (auto function : module->getOps<func::FuncOp>())
      state.symbols.insert(function.getSymName().str());
    auto main = module->lookupSymbol<func::FuncOp>("main");
    if (!main) fail("there is no function @main");
    state.module = std::move(module);
    state.mainFunction = main;
    state.scopes.front()->block = &main.getBody().front();
    for (unsigned i = 0; i < main.getNumArguments(); ++i) takeArgument(i);
    auto end = cast<func::ReturnOp>(main.getBody().front().getTerminator());
    for (unsigned i = 0; i < main.getNumResults(); ++i) takeResult(i, end.getOperand(i));
    end.erase();
    main.removeArgAttrsAttr();
    main.removeResAttrsAttr();
  }

private:
  [[noreturn]] void fail(const std::string &message) {
    throw Error(message, Place(path, 0), {}, "");
  }

  uint32_t record(Value value) {
    auto [known, isNew] = ids.try_emplace(value, static_cast<uint32_t>(state.records.size()));
    if (!isNew) return known->second;
    Place made(path, 0);
    value.getLoc()->walk([&](mlir::Location location) {
      auto file = dyn_cast<FileLineColLoc>(location);
      if (!file) return WalkResult::advance();
      made = Place(file.getFilename().str(), file.getLine(), file.getColumn());
      return WalkResult::interrupt();
    });
    state.records.push_back({value, state.current, typeOf(value), made});
    return known->second;
  }

  void takeArgument(unsigned i) {
    auto input = state.mainFunction.getArgAttrOfType<StringAttr>(i, ir::kNameAttr);
    auto variable = state.mainFunction.getArgAttrOfType<StringAttr>(i, ir::kVariableAttr);
    const std::string name = variable ? variable.str()
                             : input  ? input.str()
                                      : "arg" + std::to_string(i);
    if (name.empty() || !state.names.insert(name).second)
      fail("two arguments of @main are called '" + name + "', or it has no letters");
    const uint32_t id = record(state.mainFunction.getArgument(i));
    if (!variable) {
      state.inputs.push_back({name, id});
      return;
    }
    auto trainable = state.mainFunction.getArgAttrOfType<BoolAttr>(i, kTrainable);
    const bool isTrained =
        runtime::isFloat(state.record(id).type.dtype) && (!trainable || trainable.getValue());
    std::function<Array()> initial;
    if (auto value = values.find(name); value != values.end())
      initial = [value = value->second] { return value.expanded(); };
    variableOfArgument[i] = state.variables.size();
    state.variables.push_back({name, id, std::move(initial), isTrained});
  }

  void takeResult(unsigned i, Value value) {
    const uint32_t id = record(value);
    if (auto updates = state.mainFunction.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr)) {
      auto known = variableOfArgument.find(updates.getInt());
      if (known == variableOfArgument.end())
        fail("result " + std::to_string(i) + " of @main updates argument " +
             std::to_string(updates.getInt()) + ", which is no variable");
      VariableRecord &variable = state.variables[known->second];
      if (variable.update) fail("variable '" + variable.name + "' is updated twice");
      if (state.record(id).type != state.record(variable.tensor).type)
        fail("variable '" + variable.name + "' is updated with another type");
      variable.update = id;
      return;
    }
    auto given = state.mainFunction.getResultAttrOfType<StringAttr>(i, ir::kNameAttr);
    const std::string name = given ? given.str() : "result" + std::to_string(i);
    for (const OutputRecord &other : state.outputs)
      if (other.name == name) fail("two results of @main are called '" + name + "'");
    state.outputs.push_back({name, id, state.record(id).made});
  }

  GraphState &state;
  const std::string &path;
  const graph_file::Values &values;
  DenseMap<Value, uint32_t> ids;
  std::map<int64_t, size_t> variableOfArgument;
};

} // namespace

std::map<std::string, Array> initialValues(const Graph &graph, Location at) {
  CallScope scope(at);
  std::map<std::string, Array> values;
  for (const VariableRecord &variable : graph.state()->variables)
    if (variable.initial) values.emplace(variable.name, graph.state()->initialValue(variable));
  return values;
}

void Graph::save(const std::string &path, const SaveOptions &options, Location at) const {
  CallScope scope(at);
  if (shared->current->kind != Scope::Main)
    throw Error("save: not inside " + shared->current->what, at);
  OwningOpRef<ModuleOp> module = shared->finish();
  Builder b(&shared->context);
  (*module)->setAttr(kSeed, b.getIntegerAttr(b.getIntegerType(64, false), APInt(64, seed())));
  auto main = module->lookupSymbol<func::FuncOp>("main");
  for (const VariableRecord &variable : shared->variables)
    if (!variable.trainable && runtime::isFloat(shared->record(variable.tensor).type.dtype))
      main.setArgAttr(cast<BlockArgument>(shared->record(variable.tensor).value).getArgNumber(),
                      kTrainable, b.getBoolAttr(false));
  graph_file::Values values;
  if (options.values) values = valuesOf(*shared, options, at);
  graph_file::write(path, *module, options.weights, at, &values);
}

/// `read` gives a module and the values of its variables.
template <typename Read>
static Graph loadState(const std::string &path, Location at, const Read &read) {
  auto state = std::make_shared<GraphState>(0, at);
  graph_file::Values values;
  OwningOpRef<ModuleOp> module = read(state->context, values);
  if (auto seed = (*module)->getAttrOfType<IntegerAttr>(kSeed)) {
    state->seed = seed.getValue().getZExtValue();
    (*module)->removeAttr(kSeed);
  }
  Loader(*state, path, values).take(std::move(module));
  return Graph(std::move(state));
}

Graph build::graphFrom(std::string_view bytes, const std::string &name, Location at) {
  CallScope scope(at);
  return loadState(name, at, [&](MLIRContext &context, graph_file::Values &values) {
    return graph_file::importGraph(bytes, context, name, nullptr, &values);
  });
}

Graph Graph::load(const std::string &path, Location at) {
  CallScope scope(at);
  try {
    return loadState(path, at, [&](MLIRContext &context, graph_file::Values &values) {
      return graph_file::read(path, context, at, &values);
    });
  } catch (const Error &error) {
    const Place caller = userFrame(callChain(at));
    if (error.file() == caller.file && error.line() == caller.line) throw;
    std::vector<Note> notes = error.notes();
    if (error.line())
      notes.insert(notes.begin(), {Place(error.file(), error.line()), "it was made here"});
    throw Error("load: " + path + ": " + error.message(), at, std::move(notes));
  }
}

} // namespace weir
