// Derivatives of `call`: the callee is differentiated, once for each pattern of varying arguments,
// and called. Under checkpoint its linear half computes again what it reads of the other.
#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static FailureOr<func::FuncOp> calleeOf(Derivatives &derivatives, Operation *op) {
  return derivatives.lookup(op, cast<CallOp>(op).getCallee());
}

static ArrayAttr checkpointOf(Operation *op) {
  return op->getAttrOfType<ArrayAttr>(kCheckpointAttr);
}

/// A call that stands for `source`, under checkpoint if that is.
static CallOp createCall(OpBuilder &b, Operation *source, Location loc, func::FuncOp callee,
                         ValueRange operands) {
  auto call =
      CallOp::create(b, loc, callee.getFunctionType().getResults(), callee.getSymName(), operands);
  if (ArrayAttr saved = checkpointOf(source)) call->setAttr(kCheckpointAttr, saved);
  return call;
}

static void activity(Activity &active, Operation *op) {
  auto callee = active.derivatives.lookup(op, cast<CallOp>(op).getCallee());
  if (failed(callee)) return;
  const llvm::BitVector &varying =
      active.derivatives.activeResults(*callee, active.mask(op->getOperands()));
  for (unsigned i : varying.set_bits()) active.insert(op->getResult(i));
}

static LogicalResult jvp(Jvp &jvp, Operation *op, OpBuilder &b) {
  Derivatives &derivatives = jvp.active.derivatives;
  llvm::BitVector varying(op->getNumOperands());
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) operands.push_back(jvp.primal(operand));
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (Value tangent = jvp.tangent(operand)) varying.set(i), operands.push_back(tangent);
  auto callee = calleeOf(derivatives, op);
  if (failed(callee)) return failure();
  auto derivative = derivatives.jvp(*callee, varying);
  if (failed(derivative)) return failure();
  auto call = createCall(b, op, op->getLoc(), derivative->function, operands);
  unsigned next = op->getNumResults();
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    jvp.bind(result, call->getResult(i),
             derivative->results[i] ? Value(call->getResult(next++)) : Value());
  return success();
}

static LogicalResult split(Split &split, Operation *op, Scope &scope) {
  Derivatives &derivatives = split.linear.derivatives;
  llvm::BitVector linear = split.linear.mask(op->getOperands());
  auto callee = calleeOf(derivatives, op);
  if (failed(callee)) return failure();
  auto halves = derivatives.split(*callee, linear, checkpointOf(op));
  if (failed(halves)) return failure();

  SmallVector<Value> arguments = llvm::map_to_vector(masked(op->getOperands(), linear, false),
                                                     [&](Value v) { return split.inPrimal(v); });
  CallOp primal;
  if (halves->primal) {
    primal = createCall(scope.primal, op, op->getLoc(), halves->primal, arguments);
    for (auto [source, result] :
         llvm::zip(masked(op->getResults(), halves->linearResults, false), primal.getOutputs()))
      split.bindPrimal(source, result);
  }
  SmallVector<Value> operands;
  for (Halves::Residual residual : halves->residuals)
    operands.push_back(split.carry(residual.isArgument ? arguments[residual.index]
                                                       : primal->getResult(residual.index),
                                   scope));
  for (Value operand : masked(op->getOperands(), linear))
    operands.push_back(split.inLinear(operand, scope));
  auto call = createCall(scope.linear, op, op->getLoc(), halves->linear, operands);
  for (auto [source, result] :
       llvm::zip(masked(op->getResults(), halves->linearResults), call.getOutputs()))
    split.bindLinear(source, result);
  return success();
}

static LogicalResult transpose(Transpose &outer, Operation *op, OpBuilder &b) {
  Derivatives &derivatives = outer.linear.derivatives;
  llvm::BitVector linear = outer.linear.mask(op->getOperands()), results(op->getNumResults()),
                  seeded(results);
  SmallVector<Value> operands = masked(op->getOperands(), linear, false);
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    if (outer.linear.contains(result)) results.set(i);
    if (Value ct = outer.cotangent(result)) seeded.set(i), operands.push_back(ct);
  }
  auto callee = calleeOf(derivatives, op);
  if (failed(callee)) return failure();
  auto backward = derivatives.transpose(*callee, linear, results, seeded);
  if (failed(backward)) return failure();
  Location loc = cotangentLoc(op->getLoc());
  // Computed again when the cotangents are there, and not shared with the first time.
  if (checkpointOf(op)) operands = BarrierOp::create(b, loc, operands)->getResults();
  auto call = createCall(b, op, loc, backward->function, operands);
  // Nonlinear results, if any, come first and are not needed here.
  ValueRange cotangents = call.getOutputs().take_back(backward->arguments.count());
  for (auto [i, ct] : llvm::zip(backward->arguments.set_bits(), cotangents))
    outer.give(b, loc, op->getOperand(i), ct);
  return success();
}

const Structure kCallStructure = {activity, jvp, split, transpose};

} // namespace weir::autodiff
