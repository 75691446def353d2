// weir-inline-calls: every call becomes its callee's body, callees first, so each body is inlined
// once a call. Inlined ops are located at callee-at-call chains. Functions that nothing reachable
// names are removed.
#include "ir/dialect/weir.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/simplify/simplify.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace weir::passes {
namespace {

void inlineBody(ir::CallOp call, func::FuncOp callee) {
  OpBuilder b(call);
  IRMapping mapping;
  mapping.map(callee.getArguments(), call.getInputs());
  Operation *terminator = callee.getBody().front().getTerminator();
  for (Operation &op : callee.getBody().front().without_terminator()) {
    Operation *copy = b.clone(op, mapping);
    copy->walk(
        [&](Operation *inner) { inner->setLoc(CallSiteLoc::get(inner->getLoc(), call.getLoc())); });
  }
  for (auto [result, value] : llvm::zip(call.getResults(), terminator->getOperands()))
    result.replaceAllUsesWith(mapping.lookupOrDefault(value));
  call.erase();
}

class Inliner {
public:
  explicit Inliner(ModuleOp module) : table(module) {}

  LogicalResult run(func::FuncOp func) {
    State &state = states[func];
    if (state == State::Done) return success();
    if (state == State::Running) return func.emitError("function calls itself");
    state = State::Running;
    SmallVector<ir::CallOp> calls;
    func.walk([&](ir::CallOp call) { calls.push_back(call); });
    for (ir::CallOp call : calls) {
      auto callee = table.lookup<func::FuncOp>(call.getCallee());
      if (!callee || callee.isExternal())
        return call.emitError("calls a function that is not defined");
      if (failed(run(callee))) return failure();
      inlineBody(call, callee);
    }
    states[func] = State::Done;
    return success();
  }

private:
  enum class State { New, Running, Done };
  SymbolTable table;
  llvm::DenseMap<Operation *, State> states;
};

/// Marks `func` and everything it names.
void mark(func::FuncOp func, SymbolTable &table, llvm::DenseSet<Operation *> &live) {
  if (!live.insert(func).second) return;
  func.walk([&](Operation *op) {
    if (!isa<SymbolUserOpInterface>(op)) return;
    for (NamedAttribute attribute : op->getAttrs())
      if (auto name = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
        if (auto named = table.lookup<func::FuncOp>(name.getValue())) mark(named, table, live);
  });
}

void removeUnusedFunctions(ModuleOp module) {
  SymbolTable table(module);
  llvm::DenseSet<Operation *> live;
  auto entry = table.lookup<func::FuncOp>("main");
  for (auto func : module.getOps<func::FuncOp>())
    if (entry ? func == entry : func.isPublic()) mark(func, table, live);
  for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (!live.contains(func)) func.erase();
}

struct InlineCalls : PassWrapper<InlineCalls, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InlineCalls)
  StringRef getArgument() const final { return "weir-inline-calls"; }
  StringRef getDescription() const final { return "replace calls by their callees' bodies"; }

  void runOnOperation() override {
    Inliner inliner(getOperation());
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (!func.isExternal() && failed(inliner.run(func))) return signalPassFailure();
    removeUnusedFunctions(getOperation());
  }
};

} // namespace

std::unique_ptr<Pass> createInlineCallsPass() {
  return std::make_unique<InlineCalls>();
}

} // namespace weir::passes
