// The driver: checks the inputs, runs blocks op by op, drops values after their last use, and calls
// the observer.
#include "ir/reference/interpreter.h"

#include "ir/interfaces/iteration_space.h"
#include "ir/reference/frame.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::ir {

using namespace reference;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::LogicalResult;
using mlir::success;
using runtime::HostTensor;

namespace reference {

const Evaluators &Evaluators::all() {
  static const Evaluators evaluators = [] {
    Evaluators e;
    addElementwise(e);
    addLayout(e);
    addReduction(e);
    addContraction(e);
    addIndexing(e);
    addOrdered(e);
    addCreation(e);
    addControl(e);
    addDataflow(e);
    addCollective(e);
    return e;
  }();
  return evaluators;
}

const Evaluator *Evaluators::of(mlir::Operation *op) {
  if (const Evaluator *ours = all().find(op->getName().getStringRef())) return ours;
  mlir::Dialect *dialect = op->getDialect();
  auto *theirs = dialect ? dialect->getRegisteredInterface<DialectEvaluators>() : nullptr;
  return theirs ? theirs->table.find(op->getName().getStringRef()) : nullptr;
}

/// For each value of `block`, the op of the block that uses it last.
static void findLastUses(Run &run, mlir::Block &block) {
  auto visit = [&](mlir::Value value, mlir::Operation *definition) {
    mlir::Operation *last = definition;
    for (mlir::Operation *user : value.getUsers()) {
      mlir::Operation *here = block.findAncestorOpInBlock(*user);
      if (!last || last->isBeforeInBlock(here)) last = here;
    }
    if (last)
      run.lastUses[last].push_back(value);
    else
      run.unusedArguments[&block].push_back(value);
  };
  for (mlir::Value argument : block.getArguments()) visit(argument, nullptr);
  for (mlir::Operation &op : block)
    for (mlir::Value result : op.getResults()) visit(result, &op);
}

LogicalResult Frame::runOp(mlir::Operation *op) {
  const Evaluator *evaluate = Evaluators::of(op);
  if (!evaluate) return op->emitError("the interpreter does not know ") << op->getName();
  for (mlir::Type type : op->getResultTypes()) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape() || !dtypeOf(tensor.getElementType()))
      return op->emitError("the interpreter knows static tensors of ")
             << describe(DtypeClass::Any) << ", not " << type;
  }
  if (failed((*evaluate)(op, *this))) return failure();
  if (!run.options.observe && !run.options.inspect) return success();
  auto hostValues = [&](mlir::ValueRange range) {
    std::vector<HostTensor> tensors;
    for (mlir::Value value : range) tensors.push_back(toHost(*values.at(value), run.mode));
    return tensors;
  };
  const std::vector<HostTensor> results = hostValues(op->getResults());
  if (run.options.observe) run.options.observe(op, results);
  if (run.options.inspect) run.options.inspect(op, hostValues(op->getOperands()), results);
  return success();
}

FailureOr<llvm::SmallVector<ArrayPtr>> Frame::runAlone(mlir::Operation *op,
                                                       llvm::ArrayRef<ArrayPtr> operands) {
  Frame alone(run, depth);
  for (auto [value, array] : llvm::zip(op->getOperands(), operands)) alone.set(value, array);
  if (failed(alone.runOp(op))) return failure();
  return llvm::map_to_vector(op->getResults(), [&](mlir::Value v) { return alone.share(v); });
}

FailureOr<llvm::SmallVector<ArrayPtr>> Frame::runBlock(mlir::Block &block) {
  if (!run.lastUses.contains(block.getTerminator())) {
    run.lastUses[block.getTerminator()];
    findLastUses(run, block);
  }
  for (mlir::Value value : run.unusedArguments[&block]) drop(value);
  for (mlir::Operation &op : block.without_terminator()) {
    if (failed(runOp(&op))) return failure();
    for (mlir::Value value : run.lastUses.lookup(&op)) drop(value);
  }
  llvm::SmallVector<ArrayPtr> yielded;
  for (mlir::Value value : block.getTerminator()->getOperands()) yielded.push_back(share(value));
  for (mlir::Value value : run.lastUses.lookup(block.getTerminator())) drop(value);
  return yielded;
}

FailureOr<llvm::SmallVector<ArrayPtr>> Frame::call(mlir::Operation *caller, mlir::StringAttr callee,
                                                   llvm::ArrayRef<ArrayPtr> arguments) {
  auto function = run.symbols.lookupSymbolIn<mlir::func::FuncOp>(run.module, callee);
  if (!function || function.isDeclaration())
    return caller->emitError("no function named ") << callee << " with a body";
  if (depth >= run.options.maxCallDepth)
    return caller->emitError("calls are nested deeper than ") << run.options.maxCallDepth;
  if (function.getNumArguments() != arguments.size())
    return caller->emitError("function ") << callee << " takes " << function.getNumArguments()
                                          << " arguments, not " << arguments.size();
  Frame inner(run, depth + 1);
  for (auto [value, array] : llvm::zip(function.getArguments(), arguments)) inner.set(value, array);
  return inner.runBlock(function.front());
}

static FailureOr<llvm::SmallVector<ArrayPtr>>
readInputs(mlir::func::FuncOp function, llvm::ArrayRef<HostTensor> inputs, Mode mode) {
  if (inputs.size() != function.getNumArguments())
    return function.emitError("function ")
           << function.getName() << " takes " << function.getNumArguments() << " inputs, not "
           << inputs.size();
  llvm::SmallVector<ArrayPtr> arrays;
  for (auto [k, input] : llvm::enumerate(inputs)) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(function.getArgument(k).getType());
    if (!type || !type.hasStaticShape() || !dtypeOf(type.getElementType()))
      return function.emitError("input ")
             << k << " has the type " << function.getArgument(k).getType()
             << ", which the interpreter does not know";
    std::optional<NdArray> array = fromHost(input, type, mode);
    if (!array)
      return function.emitError("input ") << k << " is " << input.typeStr()
                                          << ", the function takes " << weir::ir::typeString(type);
    arrays.push_back(std::make_shared<const NdArray>(std::move(*array)));
  }
  return arrays;
}

static FailureOr<llvm::SmallVector<ArrayPtr>>
interpretArrays(mlir::ModuleOp module, llvm::StringRef name, llvm::ArrayRef<HostTensor> inputs,
                const InterpretOptions &options, Mode mode) {
  auto function = module.lookupSymbol<mlir::func::FuncOp>(name);
  if (!function || function.isDeclaration())
    return module.emitError("no function named \"") << name << "\" with a body";
  auto arrays = readInputs(function, inputs, mode);
  if (failed(arrays)) return failure();
  Run run{module, options, mode};
  Frame frame(run, 0);
  return frame.call(function, function.getSymNameAttr(), *arrays);
}

} // namespace reference

FailureOr<std::vector<HostTensor>> interpret(mlir::ModuleOp module, llvm::StringRef function,
                                             llvm::ArrayRef<HostTensor> inputs,
                                             const InterpretOptions &options) {
  Mode mode{.widen = options.widen};
  auto arrays = interpretArrays(module, function, inputs, options, mode);
  if (failed(arrays)) return failure();
  std::vector<HostTensor> results;
  for (const ArrayPtr &array : *arrays) results.push_back(toHost(*array, mode));
  return results;
}

FailureOr<std::vector<BoundedResult>> interpretWithBounds(mlir::ModuleOp module,
                                                          llvm::StringRef function,
                                                          llvm::ArrayRef<HostTensor> inputs) {
  Mode mode{.widen = true, .bounds = true};
  auto arrays = interpretArrays(module, function, inputs, {}, mode);
  if (failed(arrays)) return failure();
  std::vector<BoundedResult> results;
  for (const ArrayPtr &array : *arrays)
    results.push_back({toHost(*array, mode), errorsToHost(*array)});
  return results;
}

bool isInterpreted(llvm::StringRef opName) {
  return reference::Evaluators::all().find(opName) != nullptr;
}

} // namespace weir::ir
