// Functions with derivatives of the user's own. custom_jvp: its JVP is the rule's body, and all
// else follows. custom_vjp: its JVP is a call of forward and an opaque linear op, custom_linear,
// whose transpose is a call of backward; one that is still there when all is transposed is an error
// of the pass.
#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static void activity(Activity &active, Operation *op) {
  if (!active.touches(op)) return;
  for (Value result : op->getResults())
    if (isFloat(result)) active.insert(result);
}

static LogicalResult refuseSplit(Split &, Operation *op, Scope &) {
  return emitError(op->getLoc()) << op->getName().stripDialect()
                                 << ": applied to a tangent; a rule must be linear in its tangents";
}
static LogicalResult refuseTranspose(Transpose &, Operation *op, OpBuilder &) {
  return emitError(op->getLoc()) << op->getName().stripDialect() << ": used as a linear op";
}

static SmallVector<Value> primals(Jvp &jvp, ValueRange values) {
  return llvm::map_to_vector(values, [&](Value v) { return jvp.primal(v); });
}

/// One for each of `values` that is a float.
static SmallVector<Value> tangents(Jvp &jvp, ValueRange values, OpBuilder &b) {
  SmallVector<Value> result;
  for (Value v : values)
    if (isFloat(v)) result.push_back(jvp.tangentOrZeros(b, v));
  return result;
}

/// `given` are for the results of `op`, `tangents` for the float ones among them.
static void bindResults(Jvp &jvp, Operation *op, ValueRange given, ValueRange tangents) {
  unsigned next = 0;
  for (auto [source, copy] : llvm::zip(op->getResults(), given))
    jvp.bind(source, copy, isFloat(source) ? tangents[next++] : Value());
}

// ---- custom_jvp ----

/// The results that stand for the function's own must not depend on tangents.
static LogicalResult checkRule(Jvp &jvp, CustomJvpOp op, func::FuncOp rule) {
  llvm::BitVector tangents(rule.getNumArguments());
  tangents.set(op->getNumOperands(), tangents.size());
  const llvm::BitVector &varying = jvp.active.derivatives.activeResults(rule, tangents);
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    if (varying[i])
      return emitError(op.getLoc())
             << "custom_jvp: result " << i << " of the rule depends on a tangent; only the last "
             << rule.getNumResults() - op->getNumResults() << " may";
  return success();
}

/// The body of `f`, which mixes ops with and without tangents: a call of it would have to be split.
static SmallVector<Value> inlined(func::FuncOp f, ValueRange arguments, Location at, OpBuilder &b) {
  IRMapping mapping;
  mapping.map(f.getArguments(), arguments);
  for (Operation &op : f.front().without_terminator())
    b.clone(op, mapping)->walk([&](Operation *inner) {
      inner->setLoc(CallSiteLoc::get(inner->getLoc(), at));
    });
  return llvm::map_to_vector(f.front().getTerminator()->getOperands(),
                             [&](Value v) { return mapping.lookup(v); });
}

static LogicalResult jvpByRule(Jvp &jvp, Operation *op, OpBuilder &b) {
  auto custom = cast<CustomJvpOp>(op);
  auto rule = jvp.active.derivatives.lookup(op, custom.getRule());
  if (failed(rule) || failed(checkRule(jvp, custom, *rule))) return failure();
  SmallVector<Value> operands = primals(jvp, op->getOperands());
  llvm::append_range(operands, tangents(jvp, op->getOperands(), b));
  SmallVector<Value> results = inlined(*rule, operands, op->getLoc(), b);
  bindResults(jvp, op, results, ArrayRef(results).drop_front(op->getNumResults()));
  return success();
}

const Structure kCustomJvpStructure = {activity, jvpByRule, refuseSplit, refuseTranspose};

// ---- custom_vjp ----

static LogicalResult jvpByForward(Jvp &jvp, Operation *op, OpBuilder &b) {
  auto custom = cast<CustomVjpOp>(op);
  auto forward = jvp.active.derivatives.lookup(op, custom.getForward());
  if (failed(forward)) return failure();
  auto call = CallOp::create(b, op->getLoc(), forward->getFunctionType().getResults(),
                             forward->getSymName(), primals(jvp, op->getOperands()));
  SmallVector<Type> types;
  for (Value result : op->getResults())
    if (isFloat(result)) types.push_back(result.getType());
  auto linear = CustomLinearOp::create(b, tangentLoc(op->getLoc()), types, custom.getBackward(),
                                       call.getOutputs().drop_front(op->getNumResults()),
                                       tangents(jvp, op->getOperands(), b));
  bindResults(jvp, op, call.getOutputs(), linear.getOutputs());
  return success();
}

const Structure kCustomVjpStructure = {activity, jvpByForward, refuseSplit, refuseTranspose};

// ---- custom_linear ----

/// Linear in the tangents; how it depends on the residuals nobody has said.
static LogicalResult jvpOfLinear(Jvp &jvp, Operation *op, OpBuilder &b) {
  auto linear = cast<CustomLinearOp>(op);
  if (llvm::any_of(linear.getResiduals(), [&](Value v) { return jvp.tangent(v) != nullptr; }))
    return emitError(op->getLoc(),
                     "custom_vjp: the derivative of its forward mode is asked for, but it has "
                     "a rule for reverse mode only; use custom_jvp");
  auto copy = CustomLinearOp::create(b, op->getLoc(), op->getResultTypes(), linear.getCallee(),
                                     primals(jvp, linear.getResiduals()),
                                     primals(jvp, linear.getTangents()));
  auto tangent =
      CustomLinearOp::create(b, tangentLoc(op->getLoc()), op->getResultTypes(), linear.getCallee(),
                             copy.getResiduals(), tangents(jvp, linear.getTangents(), b));
  bindResults(jvp, op, copy.getOutputs(), tangent.getOutputs());
  return success();
}

static LogicalResult splitLinear(Split &split, Operation *op, Scope &scope) {
  IRMapping operands;
  for (Value operand : op->getOperands()) operands.map(operand, split.inLinear(operand, scope));
  Operation *copy = scope.linear.clone(*op, operands);
  for (auto [source, result] : llvm::zip(op->getResults(), copy->getResults()))
    split.bindLinear(source, result);
  return success();
}

static LogicalResult transposeByBackward(Transpose &transpose, Operation *op, OpBuilder &b) {
  auto linear = cast<CustomLinearOp>(op);
  RuleBuilder at(cotangentLoc(op->getLoc()), b);
  SmallVector<Value> operands(linear.getResiduals());
  for (Value result : op->getResults()) {
    Value ct = transpose.cotangent(result);
    operands.push_back(ct ? ct : zerosLike(at, result));
  }
  auto call = CallOp::create(at, linear.getTangents().getTypes(), linear.getCallee(), operands);
  for (auto [tangent, ct] : llvm::zip(linear.getTangents(), call.getOutputs()))
    transpose.give(b, at.getLoc(), tangent, ct);
  return success();
}

const Structure kCustomLinearStructure = {activity, jvpOfLinear, splitLinear, transposeByBackward};

} // namespace weir::autodiff
