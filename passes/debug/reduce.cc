// Three steps: return every value, then half of them, and so on; cut off what comes before; drop
// arguments without uses.
#include "passes/debug/reduce.h"

#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weir::passes {

using runtime::HostTensor;

namespace {

func::FuncOp mainOf(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main");
}

void eraseUnusedOps(ModuleOp module) {
  for (bool changed = true; changed;) {
    SmallVector<Operation *> dead;
    module.walk([&](Operation *op) {
      if (isOpTriviallyDead(op) && !isa<func::FuncOp, ModuleOp>(op)) dead.push_back(op);
      if (auto f = dyn_cast<func::FuncOp>(op))
        if (f.isPrivate() && SymbolTable::symbolKnownUseEmpty(f, module)) dead.push_back(op);
    });
    changed = !dead.empty();
    for (Operation *op : llvm::reverse(dead)) {
      op->dropAllUses();
      op->erase();
      break; // what is inside of it may be in the list as well
    }
  }
}

Case copyOf(const Case &original) {
  return {OwningOpRef<ModuleOp>(original.module.get().clone()), original.inputs};
}

void eraseUnusedArguments(Case &state) {
  auto main = mainOf(*state.module);
  llvm::BitVector unused(main.getNumArguments());
  std::vector<HostTensor> kept;
  for (BlockArgument argument : main.getArguments())
    if (argument.use_empty())
      unused.set(argument.getArgNumber());
    else
      kept.push_back(state.inputs[argument.getArgNumber()]);
  if (failed(main.eraseArguments(unused))) return;
  state.inputs = std::move(kept);
}

bool hasVariables(func::FuncOp main) {
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (main.getArgAttr(i, ir::kVariableAttr)) return true;
  return false;
}

void dropResults(ModuleOp module, unsigned begin, unsigned end) {
  auto main = mainOf(module);
  main.front().getTerminator()->eraseOperands(begin, end - begin);
  llvm::BitVector erased(main.getNumResults());
  erased.set(begin, end);
  (void)main.eraseResults(erased);
  eraseUnusedOps(module);
}

class Reducer {
public:
  Reducer(Case start, const Fails &fails) : state(std::move(start)), fails(fails) {}

  Case run() {
    dropVariables();
    returnEverything();
    halveResults();
    cutOps();
    halveResults();
    return std::move(state);
  }

private:
  bool accept(Case smaller) {
    ScopedDiagnosticHandler quiet(smaller.module->getContext(),
                                  [](Diagnostic &) { return success(); });
    if (failed(verify(*smaller.module))) return false;
    OwningOpRef<ModuleOp> copy(smaller.module->clone());
    if (!fails(*copy, smaller.inputs)) return false;
    state = std::move(smaller);
    return true;
  }
  unsigned results() { return mainOf(*state.module).getNumResults(); }
  void dropVariables();
  void returnEverything();
  /// Drops the last results first: what remains fails early.
  void halveResults();
  void cutOps();
  bool cut(size_t begin, size_t end, const std::vector<std::vector<HostTensor>> &values);

  Case state;
  const Fails &fails;
  int nextName = 0; // of arguments that were ops
};

void Reducer::dropVariables() {
  if (!hasVariables(mainOf(*state.module))) return;
  Case smaller = copyOf(state);
  auto main = mainOf(*smaller.module);
  for (unsigned i = 0; i < main.getNumArguments(); ++i) main.removeArgAttr(i, ir::kVariableAttr);
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    main.removeResultAttr(i, StringAttr::get(main.getContext(), ir::kUpdatesAttr));
  accept(std::move(smaller));
}

/// So that dropping results can end at a value in the middle.
void Reducer::returnEverything() {
  if (hasVariables(mainOf(*state.module))) return;
  Case larger = copyOf(state);
  auto main = mainOf(*larger.module);
  SmallVector<Value> values;
  for (Operation &op : main.front().without_terminator())
    if (op.getNumOperands() > 0) llvm::append_range(values, op.getResults());
  if (values.empty()) return;
  main.front().getTerminator()->setOperands(values);
  main->removeAttr(main.getResAttrsAttrName());
  main.setFunctionType(
      FunctionType::get(main.getContext(), main.getArgumentTypes(), ValueRange(values).getTypes()));
  accept(std::move(larger));
}

void Reducer::halveResults() {
  for (unsigned step = (results() + 1) / 2; step > 0; step = step == 1 ? 0 : (step + 1) / 2)
    for (unsigned end = results(); results() > 1 && end > 0;) {
      const unsigned begin = end > step ? end - step : 0;
      if (begin == 0 && end == results()) break;
      Case smaller = copyOf(state);
      dropResults(*smaller.module, begin, end);
      if (!hasVariables(mainOf(*smaller.module))) eraseUnusedArguments(smaller);
      accept(std::move(smaller));
      end = begin;
    }
}

/// Ops [begin, end) of @main become arguments where others use them.
bool Reducer::cut(size_t begin, size_t end, const std::vector<std::vector<HostTensor>> &values) {
  Case smaller = copyOf(state);
  auto main = mainOf(*smaller.module);
  SmallVector<Operation *> ops;
  for (Operation &op : llvm::drop_begin(main.front().without_terminator(), begin)) {
    if (begin + ops.size() == end) break;
    ops.push_back(&op);
  }
  Builder b(main.getContext());
  for (auto [i, op] : llvm::enumerate(ops))
    for (OpResult result : op->getResults()) {
      if (result.use_empty()) continue;
      const unsigned at = main.getNumArguments();
      NamedAttribute name(b.getStringAttr(ir::kNameAttr),
                          b.getStringAttr("cut" + std::to_string(nextName++)));
      if (failed(main.insertArgument(at, result.getType(), b.getDictionaryAttr(name),
                                     result.getLoc())))
        return false;
      result.replaceAllUsesWith(main.getArgument(at));
      smaller.inputs.push_back(values[begin + i][result.getResultNumber()]);
    }
  for (Operation *op : llvm::reverse(ops)) op->erase();
  eraseUnusedOps(*smaller.module);
  if (hasVariables(main)) return false;
  eraseUnusedArguments(smaller);
  return accept(std::move(smaller));
}

void Reducer::cutOps() {
  auto count = [&] {
    auto ops = mainOf(*state.module).front().without_terminator();
    return static_cast<size_t>(std::distance(ops.begin(), ops.end()));
  };
  for (size_t step = (count() + 1) / 2; step > 0; step = step == 1 ? 0 : (step + 1) / 2)
    for (size_t begin = 0; begin < count();) {
      // Values of all ops of @main as it is now, in its order.
      llvm::DenseMap<Operation *, std::vector<HostTensor>> seen;
      ir::InterpretOptions options;
      options.observe = [&](Operation *op, ArrayRef<HostTensor> results) {
        seen[op] = results.vec();
      };
      if (failed(ir::interpret(*state.module, "main", state.inputs, options))) return;
      std::vector<std::vector<HostTensor>> values;
      for (Operation &op : mainOf(*state.module).front().without_terminator())
        values.push_back(seen[&op]);
      if (!cut(begin, std::min(begin + step, count()), values)) begin += step;
    }
}

} // namespace

Case reduced(ModuleOp module, ArrayRef<HostTensor> inputs, const Fails &fails) {
  return Reducer({OwningOpRef<ModuleOp>(module.clone()), inputs.vec()}, fails).run();
}

std::string reducedText(ModuleOp module, const std::function<bool(ModuleOp)> &fails) {
  OwningOpRef<ModuleOp> smallest(module.clone());
  auto results = [&] { return mainOf(*smallest).getNumResults(); };
  for (unsigned step = (results() + 1) / 2; step > 0; step = step == 1 ? 0 : (step + 1) / 2)
    for (unsigned begin = 0; results() > 1 && begin < results();) {
      OwningOpRef<ModuleOp> smaller(smallest->clone());
      dropResults(*smaller, begin, std::min(begin + step, results()));
      OwningOpRef<ModuleOp> copy(smaller->clone());
      if (mainOf(*smaller).getNumResults() > 0 && fails(*copy))
        smallest = std::move(smaller);
      else
        begin += step;
    }
  std::string text;
  llvm::raw_string_ostream(text) << *smallest;
  return text;
}

} // namespace weir::passes
