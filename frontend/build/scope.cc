// What may be undone and what is finished: transactions, scopes, names, and the completed module.
#include "frontend/build/graph_state.h"

#include "ir/collective/placement.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::build {

EnterScope::EnterScope(GraphState &state, Scope::Kind kind, Block *block, std::string what)
    : state(state) {
  state.scopes.push_back(
      std::make_unique<Scope>(Scope{kind, state.current, block, std::move(what)}));
  scope = state.current = state.scopes.back().get();
}

// ---- Transactions ----

Transaction::Transaction(GraphState &state)
    : state(state), scope(state.current),
      lastOp(scope->block->empty() ? nullptr : &scope->block->back()),
      records(state.records.size()), instances(state.instances.size()), inputs(state.inputs.size()),
      variables(state.variables.size()), outputs(state.outputs.size()), names(state.names),
      symbols(state.symbols) {
  for (const VariableRecord &variable : state.variables) updates.push_back(variable.update);
  for (Scope *outer = scope; outer; outer = outer->parent)
    captures.push_back(outer->captures.size());
}

Transaction::~Transaction() {
  if (committed) return;
  state.current = scope;
  state.broughtTo.clear(); // some of them may go
  Block *block = scope->block;
  while (!block->empty() && &block->back() != lastOp) block->back().erase();
  for (size_t i = records; i < state.records.size(); ++i) state.records[i].value = nullptr;
  while (state.instances.size() > instances) {
    state.instances.back()->function.erase();
    state.instances.pop_back();
  }
  size_t depth = 0;
  for (Scope *outer = scope; outer; outer = outer->parent, ++depth)
    while (outer->captures.size() > captures[depth]) {
      outer->block->eraseArgument(
          cast<BlockArgument>(outer->captures.back().second).getArgNumber());
      outer->captures.pop_back();
    }
  state.mainFunction.getBody().front().eraseArguments(
      static_cast<unsigned>(inputs + variables),
      static_cast<unsigned>(state.inputs.size() + state.variables.size() - inputs - variables));
  state.inputs.resize(inputs, {});
  state.outputs.erase(state.outputs.begin() + static_cast<ptrdiff_t>(outputs), state.outputs.end());
  state.variables.erase(state.variables.begin() + static_cast<ptrdiff_t>(variables),
                        state.variables.end());
  for (size_t i = 0; i < variables; ++i) state.variables[i].update = updates[i];
  state.names = std::move(names);
  state.symbols = std::move(symbols);
}

// ---- Names ----

std::string GraphState::uniqueName(const std::string &wish) const {
  std::string name = wish;
  for (int i = 1; names.count(name) || symbols.count(name); ++i)
    name = wish + "_" + std::to_string(i);
  return name;
}

void GraphState::claimName(const std::string &name, std::string_view what, Location at) {
  if (name.empty()) throw Error(std::string(what) + ": the name is empty", at);
  if (names.insert(name).second) return;
  std::vector<Note> notes;
  for (const InputRecord &input : inputs)
    if (input.name == name)
      notes.push_back({records[input.tensor].made, "input '" + name + "' is declared here"});
  for (const VariableRecord &variable : variables)
    if (variable.name == name)
      notes.push_back({records[variable.tensor].made, "variable '" + name + "' is declared here"});
  throw Error(std::string(what) + ": the name '" + name + "' is taken", at, std::move(notes));
}

// ---- The finished module ----

OwningOpRef<ModuleOp> GraphState::finish() {
  OwningOpRef<ModuleOp> whole(module->clone());
  auto main = cast<func::FuncOp>(whole->lookupSymbol("main"));
  Block &body = main.getBody().front();
  OpBuilder b = OpBuilder::atBlockEnd(&body);

  // The clone's values, found by position: operations and results keep their order.
  DenseMap<Value, Value> cloned;
  Block &original = *scopes.front()->block;
  for (auto [from, to] : llvm::zip(original.getArguments(), body.getArguments())) cloned[from] = to;
  for (auto [from, to] : llvm::zip(original, body))
    for (auto [a, c] : llvm::zip(from.getResults(), to.getResults())) cloned[a] = c;
  auto argumentOf = [&](uint32_t id) {
    return cast<BlockArgument>(records[id].value).getArgNumber();
  };

  SmallVector<Value> results;
  SmallVector<DictionaryAttr> resultAttributes, argumentAttributes(body.getNumArguments());
  auto named = [&](StringRef key, mlir::Attribute value) {
    return b.getDictionaryAttr(b.getNamedAttr(key, value));
  };
  for (const OutputRecord &output : outputs) {
    results.push_back(cloned[records[output.tensor].value]);
    resultAttributes.push_back(named(ir::kNameAttr, b.getStringAttr(output.name)));
  }
  for (const InputRecord &input : inputs)
    argumentAttributes[argumentOf(input.tensor)] =
        named(ir::kNameAttr, b.getStringAttr(input.name));
  for (const VariableRecord &variable : variables) {
    unsigned argument = argumentOf(variable.tensor);
    argumentAttributes[argument] = named(ir::kVariableAttr, b.getStringAttr(variable.name));
    if (!variable.update) continue;
    results.push_back(cloned[records[*variable.update].value]);
    resultAttributes.push_back(named(ir::kUpdatesAttr, b.getI64IntegerAttr(argument)));
  }
  for (auto [value, device] : devices)
    if (auto argument = dyn_cast<BlockArgument>(value);
        argument && argument.getOwner() == &original) {
      NamedAttrList attributes(argumentAttributes[argument.getArgNumber()]);
      attributes.set(ir::kDeviceAttr, b.getI64IntegerAttr(device));
      argumentAttributes[argument.getArgNumber()] = attributes.getDictionary(b.getContext());
    }
  if ((*whole)->hasAttr(ir::spmd::kMeshAttr))
    for (const auto &[tensor, sharding] : shardings) {
      NamedAttrList attributes(argumentAttributes[argumentOf(tensor)]);
      attributes.set(ir::spmd::kShardingAttr, b.getStringAttr(sharding));
      argumentAttributes[argumentOf(tensor)] = attributes.getDictionary(b.getContext());
    }
  func::ReturnOp::create(b, main.getLoc(), results);
  main.setFunctionType(b.getFunctionType(body.getArgumentTypes(), ValueRange(results).getTypes()));
  main.setAllArgAttrs(argumentAttributes);
  main.setAllResultAttrs(resultAttributes);
  return whole;
}

} // namespace weir::build
