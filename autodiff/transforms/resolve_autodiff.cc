// weir-resolve-autodiff: replaces every jvp, vjp and vmap op by a call of the function that it asks
// for, innermost functions first, so that each is made of a function of ordinary ops. When all are
// replaced, functions with rules of their own are called like others.
#include "autodiff/transforms/passes.h"

#include "autodiff/batching/batching.h"
#include "autodiff/rules/rules.h"
#include "autodiff/transforms/control.h"
#include "ir/collective/spmd.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

namespace {
class Resolver {
public:
  explicit Resolver(ModuleOp module)
      : functions(module), derivatives(functions), batches(functions) {}

  /// Leaves `f`, and all that it uses, without jvp, vjp and vmap ops.
  LogicalResult resolve(func::FuncOp f);
  void eraseUnused() { functions.eraseUnused(); }

private:
  LogicalResult resolveNamed(Operation *user);
  LogicalResult replace(JvpOp op);
  LogicalResult replace(VjpOp op);
  LogicalResult replace(VmapOp op);

  enum class State { Unseen, Open, Done };
  Functions functions;
  Derivatives derivatives;
  Batches batches;
  llvm::DenseMap<Operation *, State> states;
};
} // namespace

/// All functions that `user` names. A rule may use the function whose rule it is.
LogicalResult Resolver::resolveNamed(Operation *user) {
  for (NamedAttribute attribute : user->getAttrs()) {
    auto name = dyn_cast<FlatSymbolRefAttr>(attribute.getValue());
    if (!name) continue;
    auto named = derivatives.lookup(user, name.getValue());
    if (failed(named)) return failure();
    if (states.lookup(*named) == State::Open) {
      if (attribute.getName() != "callee") continue;
      return user->emitError() << user->getName().stripDialect() << ": function '"
                               << name.getValue()
                               << "' calls itself; recursive functions are not supported";
    }
    if (failed(resolve(*named))) return failure();
  }
  return success();
}

LogicalResult Resolver::resolve(func::FuncOp f) {
  if (states.lookup(f) != State::Unseen || f.isExternal()) return success();
  states[f] = State::Open;
  SmallVector<Operation *> users;
  f.walk([&](Operation *op) {
    if (isa<CallOp, JvpOp, VjpOp, VmapOp, CustomJvpOp, CustomVjpOp, CustomLinearOp>(op))
      users.push_back(op);
  });
  for (Operation *user : users) {
    if (failed(resolveNamed(user))) return failure();
    if (auto jvp = dyn_cast<JvpOp>(user)) {
      if (failed(replace(jvp))) return failure();
    } else if (auto vjp = dyn_cast<VjpOp>(user)) {
      if (failed(replace(vjp))) return failure();
    } else if (auto vmap = dyn_cast<VmapOp>(user)) {
      if (failed(replace(vmap))) return failure();
    }
  }
  states[f] = State::Done;
  return success();
}

/// Values for `op`'s results: those of the call, then for each of `wanted` the next one of the
/// call's or, where `present` says no, zeros.
static void replaceByCall(Operation *op, func::FuncOp callee, ValueRange operands,
                          ArrayRef<unsigned> wanted, const llvm::BitVector &present) {
  RuleBuilder b(op->getLoc(), op);
  auto call =
      CallOp::create(b, callee.getFunctionType().getResults(), callee.getSymName(), operands);
  unsigned primals = op->getNumResults() - wanted.size(), next = primals;
  SmallVector<Value> results(call.getOutputs().take_front(primals));
  for (unsigned i : wanted)
    results.push_back(present[i] ? Value(call.getOutputs()[next++])
                                 : zeros(b, op->getResult(results.size()).getType()));
  op->replaceAllUsesWith(results);
  op->erase();
}

static SmallVector<unsigned> floatResults(func::FuncOp f) {
  SmallVector<unsigned> indices;
  for (auto [i, type] : llvm::enumerate(f.getFunctionType().getResults()))
    if (isFloat(type)) indices.push_back(i);
  return indices;
}

/// Takes the trailing operands that are not constant zeros; bit `positions[k]` says whether the
/// k-th was taken.
static llvm::BitVector takeNonzero(ValueRange values, ArrayRef<unsigned> positions, unsigned size,
                                   SmallVector<Value> &taken) {
  llvm::BitVector mask(size);
  for (auto [position, value] : llvm::zip(positions, values))
    if (!isZeroConstant(value)) mask.set(position), taken.push_back(value);
  return mask;
}

LogicalResult Resolver::replace(JvpOp op) {
  func::FuncOp f = *derivatives.lookup(op, op.getCallee());
  unsigned arguments = f.getNumArguments();
  SmallVector<unsigned> positions(op.getWrt());
  SmallVector<Value> operands(op.getInputs().take_front(arguments));
  llvm::BitVector wrt =
      takeNonzero(op.getInputs().drop_front(arguments), positions, arguments, operands);
  auto derivative = derivatives.jvp(f, wrt);
  if (failed(derivative)) return failure();
  replaceByCall(op, derivative->function, operands, floatResults(f), derivative->results);
  return success();
}

LogicalResult Resolver::replace(VjpOp op) {
  func::FuncOp f = *derivatives.lookup(op, op.getCallee());
  unsigned arguments = f.getNumArguments();
  SmallVector<unsigned> positions(op.getWrt()), outputs = floatResults(f);
  llvm::BitVector wrt(arguments);
  for (unsigned i : positions) wrt.set(i);
  SmallVector<Value> operands(op.getInputs().take_front(arguments)), given;
  llvm::BitVector seeded =
      takeNonzero(op.getInputs().drop_front(arguments), outputs, f.getNumResults(), given);
  // Results that do not vary take no cotangent.
  auto forward = derivatives.jvp(f, wrt);
  if (failed(forward)) return failure();
  for (auto [i, cotangent] : llvm::zip(seeded.set_bits(), given))
    if (forward->results[i]) operands.push_back(cotangent);
  seeded &= forward->results;
  auto derivative = derivatives.vjp(f, wrt, seeded);
  if (failed(derivative)) return failure();
  replaceByCall(op, derivative->function, operands, positions, derivative->arguments);
  return success();
}

LogicalResult Resolver::replace(VmapOp op) {
  func::FuncOp f = *functions.lookup(op, op.getCallee());
  llvm::BitVector mask(f.getNumArguments());
  RuleBuilder b(op->getLoc(), op);
  SmallVector<Value> operands, results;
  for (auto [i, input, dim] : llvm::enumerate(op.getInputs(), op.getInDims())) {
    if (dim >= 0) mask.set(i);
    operands.push_back(dim > 0 ? withDimAt(b, input, dim, 0) : input);
  }
  auto batched = batches.batch(f, mask, op.batchSize());
  if (failed(batched)) return failure();
  func::FuncOp callee = batched->function;
  auto call =
      CallOp::create(b, callee.getFunctionType().getResults(), callee.getSymName(), operands);
  for (auto [i, result, dim] : llvm::enumerate(call.getOutputs(), op.getOutDims())) {
    if (dim < 0 && batched->results[i])
      return emitError(op.getLoc())
             << "vmap: result " << i << " differs from slice to slice, so it must have a batch dim";
    Value value = result;
    if (dim >= 0 && !batched->results[i]) value = withBatch(b, value, op.batchSize());
    results.push_back(dim > 0 ? withDimAt(b, value, 0, dim) : value);
  }
  op->replaceAllUsesWith(results);
  op->erase();
  return success();
}

/// Marks `f` and all functions that it names.
static void mark(func::FuncOp f, const SymbolTable &symbols,
                 llvm::DenseSet<Operation *> &reachable) {
  if (!reachable.insert(f).second) return;
  f.walk([&](Operation *op) {
    if (!isa<SymbolUserOpInterface>(op)) return;
    for (NamedAttribute attribute : op->getAttrs())
      if (auto name = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
        if (auto named = symbols.lookup<func::FuncOp>(name.getValue()))
          mark(named, symbols, reachable);
  });
}

/// Functions with rules of their own become calls. Fails where the program asks for the forward
/// mode of one that has none.
static LogicalResult replaceCustomOps(ModuleOp module) {
  module.walk([](Operation *op) {
    if (!isa<CustomJvpOp, CustomVjpOp>(op)) return;
    RuleBuilder b(op->getLoc(), op);
    op->replaceAllUsesWith(CallOp::create(b, op->getResultTypes(),
                                          op->getAttrOfType<FlatSymbolRefAttr>("callee").getValue(),
                                          op->getOperands()));
    op->erase();
  });
  SymbolTable symbols(module);
  llvm::DenseSet<Operation *> reachable;
  for (auto f : module.getOps<func::FuncOp>())
    if (f.isPublic()) mark(f, symbols, reachable);
  auto check = [&](CustomLinearOp op) {
    if (!reachable.contains(op->getParentOfType<func::FuncOp>())) return WalkResult::advance();
    emitError(op.getLoc(), "custom_vjp: its forward mode is asked for, but it has a rule for "
                           "reverse mode only; use custom_jvp");
    return WalkResult::interrupt();
  };
  return failure(module.walk(check).wasInterrupted());
}

namespace {
struct ResolveAutodiff : PassWrapper<ResolveAutodiff, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ResolveAutodiff)

  llvm::StringRef getArgument() const override { return "weir-resolve-autodiff"; }
  llvm::StringRef getDescription() const override {
    return "replace jvp, vjp and vmap ops by calls of what they ask for";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registerDerivativeRules(registry);
  }

  void runOnOperation() override {
    Resolver resolver(getOperation());
    for (auto f : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (failed(resolver.resolve(f))) return signalPassFailure();
    resolver.eraseUnused();
    if (failed(replaceCustomOps(getOperation()))) signalPassFailure();
  }
};
} // namespace

static void addRules(MLIRContext *, WeirDialect *dialect) {
  if (dialect->getRegisteredInterface<DerivativeRules>()) return;
  DerivativeRules &c = dialect->addInterface<DerivativeRules>();
  addElementwiseRules(c);
  addLayoutRules(c);
  addReductionRules(c);
  addContractionRules(c);
  addIndexingRules(c);
  addScatterRules(c);
  addOrderedRules(c);
  addStateRules(c);
  c.add<IfOp>({Derivative::ByHand, nullptr, nullptr, &kIfStructure});
  c.add<ScanOp>({Derivative::ByHand, nullptr, nullptr, &kScanStructure});
  c.add<WhileOp>({Derivative::ByHand, nullptr, nullptr, &kWhileStructure});
  c.add<SweepOp>({Derivative::ByHand, nullptr, nullptr, &kSweepStructure});
  c.add<CallOp>({Derivative::ByHand, nullptr, nullptr, &kCallStructure});
  c.add<CustomJvpOp>({Derivative::ByHand, nullptr, nullptr, &kCustomJvpStructure});
  c.add<CustomVjpOp>({Derivative::ByHand, nullptr, nullptr, &kCustomVjpStructure});
  c.add<CustomLinearOp>({Derivative::ByHand, nullptr, nullptr, &kCustomLinearStructure});
}

static void addSpmdRules(MLIRContext *, spmd::SpmdDialect *dialect) {
  if (dialect->getRegisteredInterface<DerivativeRules>()) return;
  addCollectiveRules(dialect->addInterface<DerivativeRules>());
}

void registerDerivativeRules(DialectRegistry &registry) {
  registry.insert<WeirDialect, spmd::SpmdDialect, func::FuncDialect>();
  registry.addExtension(addRules);
  registry.addExtension(addSpmdRules);
}

std::unique_ptr<Pass> createResolveAutodiffPass() {
  return std::make_unique<ResolveAutodiff>();
}

void registerAutodiffPasses() {
  registerPass(createResolveAutodiffPass);
}

} // namespace weir::autodiff
