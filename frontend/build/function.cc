// Functions: bodies built once for each combination of argument types, with outer tensors as
// further arguments.
#include "frontend/build/function.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::build {

std::vector<TensorType> typesOf(const TensorList &tensors, Location at) {
  std::vector<TensorType> types;
  for (const Tensor &tensor : tensors) types.push_back(tensor.type(at));
  return types;
}

static bool isVisible(const GraphState &state, const Instance &instance) {
  for (uint32_t id : instance.captures)
    if (!state.visible(id)) return false;
  return true;
}

static void checkCount(const FunctionState &f, const StatePtr &state, const TensorList &args,
                       Location at) {
  const int64_t arity = f.arity(state, args, at);
  if (arity >= 0 && static_cast<size_t>(arity) != args.size())
    throw Error(f.name + ": takes " + std::to_string(arity) + " tensors, " +
                    std::to_string(args.size()) + " given",
                at);
}

namespace {
/// While it lives the instance is known to be unfinished.
class Open {
public:
  Open(FunctionState &f, const Instance *instance) : f(f) { f.open.push_back(instance); }
  ~Open() { f.open.pop_back(); }
  Open(const Open &) = delete;
  Open &operator=(const Open &) = delete;

private:
  FunctionState &f;
};
} // namespace

/// Runs the body in a new func.func.
static std::shared_ptr<Instance> buildInstance(FunctionState &f, GraphState &state,
                                               const std::vector<TensorType> &types, Location at) {
  Transaction transaction(state);
  auto instance = std::make_shared<Instance>();
  instance->symbol = state.uniqueName(f.name);
  instance->arguments = types;
  SmallVector<Type> inputs;
  for (const TensorType &type : types) inputs.push_back(state.mlirType(type));
  OpBuilder b = OpBuilder::atBlockEnd(state.module->getBody());
  instance->function =
      func::FuncOp::create(b, state.locate(at), instance->symbol, b.getFunctionType(inputs, {}));
  instance->function.setPrivate();
  state.symbols.insert(instance->symbol);
  state.instances.push_back(instance);
  Block *block = instance->function.addEntryBlock();
  {
    EnterScope scope(state, Scope::Function, block, "function " + f.name);
    // A derived body has no line of its own.
    std::optional<CallScope> derived;
    if (f.callInline) derived.emplace(at);
    TensorList args = state.wrapAll(block->getArguments(), at);
    checkCount(f, state.shared_from_this(), args, at);
    Open open(f, instance.get());
    TensorList results = f.body(args);
    if (results.empty()) throw Error("function " + f.name + ": returns nothing", at);
    SmallVector<Value> values;
    for (size_t i = 0; i < results.size(); ++i) {
      values.push_back(state.use({results[i], "result " + std::to_string(i)}, f.name, at));
      instance->results.push_back(results[i].type(at));
    }
    OpBuilder inside = OpBuilder::atBlockEnd(block);
    func::ReturnOp::create(inside, state.locate(at), values);
    instance->function.setFunctionType(
        b.getFunctionType(block->getArgumentTypes(), ValueRange(values).getTypes()));
    for (auto &[outer, argument] : scope->captures) instance->captures.push_back(outer);
  }
  transaction.commit();
  return instance;
}

std::shared_ptr<Instance> instantiate(const Function &f, const StatePtr &state,
                                      const std::vector<TensorType> &types, Location at) {
  FunctionState &shared = *f.state();
  for (const std::weak_ptr<Instance> &weak : shared.built)
    if (auto instance = weak.lock(); instance && instance->arguments == types &&
                                     instance->function->getContext() == &state->context &&
                                     isVisible(*state, *instance))
      return instance;
  for (const Instance *instance : shared.open)
    if (instance->arguments == types)
      throw Error("function " + f.name() + ": calls itself; recursive functions are not supported",
                  at);
  auto instance = buildInstance(shared, *state, types, at);
  shared.built.push_back(instance);
  return instance;
}

SmallVector<Value> callOperands(GraphState &state, const Instance &instance, const TensorList &args,
                                std::string_view who, Location at) {
  SmallVector<Value> values;
  for (size_t i = 0; i < args.size(); ++i)
    values.push_back(state.use({args[i], "argument " + std::to_string(i)}, who, at));
  for (uint32_t id : instance.captures)
    values.push_back(state.use({state.handle(id), "an outer tensor"}, who, at));
  return values;
}

void checkArguments(const FunctionState &f, const TensorList &args, Location at) {
  if (!f.declared) return;
  const std::vector<TensorType> &types = *f.declared;
  if (args.size() != types.size())
    throw Error(f.name + ": takes " + std::to_string(types.size()) + " tensors, " +
                    std::to_string(args.size()) + " given",
                at);
  for (size_t i = 0; i < args.size(); ++i)
    if (!(args[i].type(at) == types[i]))
      throw Error(f.name + ": argument " + std::to_string(i) + " is " + args[i].type().str() +
                      ", but " + types[i].str() + " is declared",
                  at, {noteOn({args[i], "argument " + std::to_string(i)})});
}

StatePtr graphOf(const Function &f, const TensorList &args, Location at) {
  for (const Tensor &arg : args) {
    arg.type(at);
    return GraphState::stateOf(arg);
  }
  if (f.state()->graph) return f.state()->graph;
  throw Error(f.name() + ": without arguments its graph is not known", at, {},
              "declare it with Graph::function");
}

/// Numbers among the arguments become scalars of the declared dtype, else of the first tensor's.
static TensorList tensorArguments(const Function &f, const std::vector<Arg> &args) {
  const FunctionState &shared = *f.state();
  StatePtr state = shared.graph;
  std::optional<DType> dtype;
  for (const Arg &arg : args)
    if (arg.kind == Arg::IsTensor && !dtype) {
      dtype = arg.tensor.dtype(arg.at);
      state = GraphState::stateOf(arg.tensor);
    }
  TensorList tensors;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].kind == Arg::IsTensor) {
      tensors.push_back(args[i].tensor);
      continue;
    }
    TensorType type{dtype.value_or(f32), {}};
    if (shared.declared && i < shared.declared->size()) type = (*shared.declared)[i];
    if (!state)
      throw Error(f.name() + ": all arguments are numbers, at least one must be a tensor",
                  args[i].at);
    tensors.push_back(numberAs(state, f.name(), args[i], type));
  }
  return tensors;
}

} // namespace weir::build

namespace weir {

using namespace build;

Function::Function(FunctionBody body, int arity, std::string name)
    : shared(std::make_shared<FunctionState>()) {
  shared->body = std::move(body);
  shared->name = std::move(name);
  shared->arity = [arity](const StatePtr &, const TensorList &, Location) { return arity; };
}

const std::string &Function::name() const {
  return shared->name;
}

Results Function::call(const std::vector<Arg> &args, Location at) const {
  return weir::call(*this, tensorArguments(*this, args), at);
}

Results Function::operator()(const TensorList &args, Location at) const {
  return weir::call(*this, args, at);
}

Results call(const Function &f, const TensorList &args, Location at) {
  checkArguments(*f.state(), args, at);
  StatePtr state = graphOf(f, args, at);
  checkCount(*f.state(), state, args, at);
  if (f.state()->callInline) {
    Transaction transaction(*state);
    CallScope scope(at);
    Results results(f.state()->body(args), at);
    transaction.commit();
    return results;
  }
  auto instance = instantiate(f, state, typesOf(args, at), at);
  SmallVector<Value> operands = callOperands(*state, *instance, args, f.name(), at);
  OpBuilder b = state->builder();
  Operation *op = state->emitKnown(
      "call", operands, instance->function.getFunctionType().getResults(),
      {b.getNamedAttr("callee", FlatSymbolRefAttr::get(b.getContext(), instance->symbol))}, {}, at);
  return Results(state->wrapAll(op->getResults(), at), at);
}

Function Graph::declare(Function f, std::vector<TensorType> types, Location at) {
  FunctionState &state = *f.state();
  auto count = static_cast<int64_t>(types.size());
  if (int64_t arity = state.arity(shared, {}, at); arity >= 0 && arity != count)
    throw Error(state.name + ": takes " + std::to_string(arity) + " tensors, but " +
                    std::to_string(count) + " types are given",
                at);
  state.arity = [count](const StatePtr &, const TensorList &, Location) { return count; };
  state.graph = shared;
  instantiate(f, shared, types, at);
  state.declared = std::move(types);
  return f;
}

} // namespace weir
