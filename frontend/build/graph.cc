// Graph's members: what is declared, and what becomes of it in the end.
#include "frontend/api/graph.h"
#include "frontend/build/graph_state.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weir {

using namespace build;

Graph::Graph(uint64_t seed, Location at) : shared(std::make_shared<GraphState>(seed, at)) {}

static void requireShape(const char *what, const Shape &shape, Location at) {
  if (runtime::elementCount(shape)) return;
  throw Error(std::string(what) + ": shape " + TensorType{f32, shape}.str().substr(3) +
                  " has a negative size or too many elements",
              at);
}

/// A new argument of @main.
static Tensor addArgument(GraphState &state, const TensorType &type, Location at) {
  Scope *main = state.scopes.front().get();
  Value value = main->block->addArgument(state.mlirType(type), state.locate(at));
  Scope *inner = state.current;
  state.current = main;
  Tensor tensor = state.wrap(value, at);
  state.current = inner;
  return tensor;
}

Tensor Graph::input(const std::string &name, DType dtype, Shape shape, Location at) {
  requireShape("input", shape, at);
  shared->claimName(name, "input", at);
  Tensor tensor = addArgument(*shared, {dtype, std::move(shape)}, at);
  shared->inputs.push_back({name, GraphState::idOf(tensor)});
  return tensor;
}

Tensor Graph::variable(const std::string &name, const Array &initial, bool trainable, Location at) {
  return declare(
      name, {initial.dtype(), initial.dims()}, [initial] { return initial; }, trainable, at);
}

Tensor Graph::declare(const std::string &name, TensorType type, std::function<Array()> initial,
                      bool trainable, Location at) {
  requireShape("variable", type.shape, at);
  shared->claimName(name, "variable", at);
  Tensor tensor = addArgument(*shared, type, at);
  shared->variables.push_back({name, GraphState::idOf(tensor), std::move(initial),
                               trainable && runtime::isFloat(type.dtype)});
  return tensor;
}

Array GraphState::initialValue(const VariableRecord &variable) const {
  Array value = variable.initial();
  const Record &record = records[variable.tensor];
  if (TensorType{value.dtype(), value.dims()} == record.type) return value;
  throw Error("variable '" + variable.name + "' is " + record.type.str() +
                  ", its initial value is " + value.typeStr(),
              record.made, {}, "");
}

Tensor Graph::constant(const Array &value, Location at) {
  return emitIn(shared, "constant", {{"value", value}}, at);
}

Tensor Graph::scalar(double value, DType dtype, Location at) {
  return full({}, value, dtype, at);
}

Tensor Graph::full(Shape shape, double value, DType dtype, Location at) {
  requireShape("full", shape, at);
  return numberAs(shared, "full", Arg(value, at), {dtype, std::move(shape)});
}

Tensor Graph::iota(DType dtype, Shape shape, int64_t dim, Location at) {
  if (dim < 0) dim += static_cast<int64_t>(shape.size());
  return emitIn(shared, "iota", {{"shape", std::move(shape)}, {"dim", dim}, {"element", dtype}},
                at);
}

Tensor Graph::undef(DType dtype, Shape shape, Location at) {
  return emitIn(shared, "undef", {{"shape", std::move(shape)}, {"element", dtype}}, at);
}

static void requireTopLevel(const GraphState &state, const char *what, Location at) {
  if (state.current->kind == Scope::Main) return;
  throw Error(std::string(what) + ": not inside " + state.current->what +
                  "; return the value and do it outside",
              at);
}

void Graph::output(const std::string &name, Arg value) {
  Tensor tensor = tensorOf("output", value, "value");
  requireTopLevel(*shared, "output", value.at);
  shared->valueOf({tensor, "value"}, "output", value.at);
  for (const OutputRecord &other : shared->outputs)
    if (other.name == name)
      throw Error("output: the name '" + name + "' is taken", value.at,
                  {{other.at, "output '" + name + "' is declared here"}});
  shared->outputs.push_back({name, GraphState::idOf(tensor), userFrame(callChain(value.at))});
}

static VariableRecord &variableRecord(GraphState &state, const char *what, const Tensor &variable,
                                      Location at) {
  requireTopLevel(state, what, at);
  state.valueOf({variable, "variable"}, what, at);
  for (VariableRecord &candidate : state.variables)
    if (candidate.tensor == GraphState::idOf(variable)) return candidate;
  throw Error(std::string(what) + ": the first argument is not a variable", at,
              {noteOn({variable, "it"})});
}

void Graph::initialize(const Tensor &variable, const Array &value, Location at) {
  VariableRecord &record = variableRecord(*shared, "initialize", variable, at);
  if (TensorType{value.dtype(), value.dims()} != variable.type(at))
    throw Error("initialize: variable '" + record.name + "' is " + variable.type().str() +
                    ", the value is " + value.typeStr(),
                at, {noteOn({variable, "variable"})});
  record.initial = [value] { return value; };
}

void Graph::assign(const Tensor &variable, Arg value) {
  const Location at = value.at;
  VariableRecord *record = &variableRecord(*shared, "assign", variable, at);
  Operand updated{value.kind == Arg::IsTensor
                      ? value.tensor
                      : numberAs(shared, "assign", value, variable.type(at)),
                  "value"};
  shared->valueOf(updated, "assign", at);
  if (!(updated.tensor.type(at) == variable.type(at)))
    throw Error("assign: variable '" + record->name + "' is " + variable.type().str() +
                    ", the value is " + updated.tensor.type().str(),
                at, {noteOn({variable, "variable"}), noteOn(updated)});
  if (record->update)
    throw Error("assign: variable '" + record->name + "' is assigned twice", at,
                {noteOn({shared->handle(*record->update), "the first value"})});
  record->update = GraphState::idOf(updated.tensor);
}

Tensor Graph::tensor(const Name &name) const {
  std::string known;
  auto is = [&](const auto &port) {
    known += (known.empty() ? "" : ", ") + port.name;
    return port.name == name.text;
  };
  for (const InputRecord &input : shared->inputs)
    if (is(input)) return shared->handle(input.tensor);
  for (const VariableRecord &variable : shared->variables)
    if (is(variable)) return shared->handle(variable.tensor);
  for (const OutputRecord &output : shared->outputs)
    if (is(output)) return shared->handle(output.tensor);
  throw Error("tensor: the graph has no '" + name.text + "'; it has " +
                  (known.empty() ? "no inputs, variables and outputs" : known),
              name.at);
}

std::vector<Gradient> Graph::trainables() const {
  std::vector<Gradient> list;
  for (const VariableRecord &variable : shared->variables)
    if (variable.trainable) list.push_back({variable.name, shared->handle(variable.tensor), {}});
  return list;
}

std::vector<std::string> Graph::inputNames() const {
  std::vector<std::string> names;
  for (const InputRecord &input : shared->inputs) names.push_back(input.name);
  return names;
}

std::vector<std::string> Graph::variableNames() const {
  std::vector<std::string> names;
  for (const VariableRecord &variable : shared->variables) names.push_back(variable.name);
  return names;
}

uint64_t Graph::seed() const {
  return shared->seed;
}

std::string Graph::uniqueName(const std::string &wish) const {
  return shared->uniqueName(wish);
}

std::string Graph::toMlir(bool locations) const {
  OwningOpRef<ModuleOp> whole = shared->finish();
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  if (locations) flags.enableDebugInfo(true, false);
  whole->print(stream, flags);
  return text;
}

} // namespace weir
