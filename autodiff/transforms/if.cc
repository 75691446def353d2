// Derivatives of `if`: forward, both branches also yield tangents; split, two ifs on one predicate,
// the first yielding the residuals of the branch taken and undef for those of the other branch;
// transposed, an if that yields cotangents.
#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static void activity(Activity &active, Operation *op) {
  for (Region &region : op->getRegions()) active.run(region.front());
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    auto yields = [&](Region &region) {
      return active.contains(region.front().getTerminator()->getOperand(i));
    };
    if (isFloat(result) && llvm::any_of(op->getRegions(), yields)) active.insert(result);
  }
}

static LogicalResult jvp(Jvp &jvp, Operation *op, OpBuilder &b) {
  SmallVector<Type> types(op->getResultTypes());
  SmallVector<unsigned> varying;
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (jvp.active.contains(result)) varying.push_back(i), types.push_back(result.getType());

  auto both = IfOp::create(b, op->getLoc(), types, jvp.primal(op->getOperand(0)));
  for (auto [from, to] : llvm::zip(op->getRegions(), both->getRegions())) {
    RuleBuilder inner = atEnd(to.emplaceBlock(), op->getLoc());
    if (failed(jvp.block(from.front(), inner))) return failure();
    ValueRange yielded = from.front().getTerminator()->getOperands();
    SmallVector<Value> values =
        llvm::map_to_vector(yielded, [&](Value v) { return jvp.primal(v); });
    for (unsigned i : varying) values.push_back(jvp.tangentOrZeros(inner, yielded[i]));
    YieldOp::create(inner, values);
  }
  for (Value result : op->getResults())
    jvp.bind(result, both->getResult(cast<OpResult>(result).getResultNumber()));
  for (auto [k, i] : llvm::enumerate(varying))
    jvp.bind(op->getResult(i), both->getResult(i), both->getResult(op->getNumResults() + k));
  return success();
}

namespace {
/// One branch cut in two. `yielded` are the values of the primal if's results, null where they are
/// the other branch's. Residual k, an argument of the linear half until the primal if exists, is
/// result slots[k].
struct CutBranch {
  Region primal, linear;
  SmallVector<Value> yielded, residuals;
  SmallVector<unsigned> slots;
};
} // namespace

static LogicalResult cut(Split &split, Region &from, const llvm::BitVector &linearResults,
                         Scope &outer, CutBranch &branch) {
  Block &primal = branch.primal.emplaceBlock(), &linear = branch.linear.emplaceBlock();
  Scope scope(&outer, primal, linear, from.getLoc());
  scope.residual = [&](Value value) -> Value {
    branch.residuals.push_back(value);
    return linear.addArgument(value.getType(), value.getLoc());
  };
  if (failed(split.block(from.front(), scope))) return failure();
  Operation *yield = from.front().getTerminator();
  SmallVector<Value> linearYield;
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    if (linearResults[i])
      linearYield.push_back(split.inLinear(value, scope));
    else
      branch.yielded.push_back(split.inPrimal(value));
  }
  YieldOp::create(scope.linear, yield->getLoc(), linearYield);
  return success();
}

/// Gives each residual a result of the primal if: one that has its value, or one of its type that
/// this branch has no value for, or a new one.
static void placeResiduals(CutBranch &branch, SmallVector<Type> &types) {
  for (Value residual : branch.residuals) {
    branch.yielded.resize(types.size());
    unsigned slot = llvm::find(branch.yielded, residual) - branch.yielded.begin();
    for (unsigned i = 0; slot == types.size() && i < types.size(); ++i)
      if (!branch.yielded[i] && types[i] == residual.getType()) slot = i;
    if (slot == types.size()) {
      types.push_back(residual.getType());
      branch.yielded.push_back(residual);
    }
    branch.yielded[slot] = residual;
    branch.slots.push_back(slot);
  }
}

/// Ends the primal half of a branch, with undef for results that are residuals of the other.
static void endPrimal(CutBranch &branch, ArrayRef<Type> types, Location loc) {
  RuleBuilder b = atEnd(branch.primal.front(), loc);
  branch.yielded.resize(types.size());
  for (auto [value, type] : llvm::zip(branch.yielded, types)) {
    auto tensor = cast<RankedTensorType>(type);
    if (!value) value = UndefOp::create(b, tensor.getShape(), tensor.getElementType());
  }
  YieldOp::create(b, branch.yielded);
}

/// The linear half reads results of the primal if, and has no arguments any more.
static void bindResiduals(Split &split, CutBranch &branch, ValueRange results, Scope &scope) {
  Block &linear = branch.linear.front();
  for (auto [argument, slot] : llvm::zip(linear.getArguments(), branch.slots))
    argument.replaceAllUsesWith(split.carry(results[slot], scope));
  linear.eraseArguments(0, linear.getNumArguments());
}

static LogicalResult split(Split &split, Operation *op, Scope &scope) {
  llvm::BitVector linearResults = split.linear.mask(op->getResults());
  CutBranch thenBranch, elseBranch;
  if (failed(cut(split, op->getRegion(0), linearResults, scope, thenBranch)) ||
      failed(cut(split, op->getRegion(1), linearResults, scope, elseBranch)))
    return failure();
  SmallVector<Type> types(ValueRange(thenBranch.yielded).getTypes());
  placeResiduals(thenBranch, types);
  placeResiduals(elseBranch, types);
  endPrimal(thenBranch, types, op->getLoc());
  endPrimal(elseBranch, types, op->getLoc());

  Value predicate = split.inPrimal(op->getOperand(0));
  if (!types.empty()) {
    auto primal = IfOp::create(scope.primal, op->getLoc(), types, predicate);
    primal.getThenRegion().takeBody(thenBranch.primal);
    primal.getElseRegion().takeBody(elseBranch.primal);
    ValueRange results = primal.getResults();
    for (auto [i, result] : llvm::enumerate(masked(op->getResults(), linearResults, false)))
      split.bindPrimal(result, results[i]);
    bindResiduals(split, thenBranch, results, scope);
    bindResiduals(split, elseBranch, results, scope);
  }
  SmallVector<Value> linearValues = masked(op->getResults(), linearResults);
  auto linear = IfOp::create(scope.linear, op->getLoc(), ValueRange(linearValues).getTypes(),
                             split.carry(predicate, scope));
  linear.getThenRegion().takeBody(thenBranch.linear);
  linear.getElseRegion().takeBody(elseBranch.linear);
  for (auto [source, result] : llvm::zip(linearValues, linear.getResults()))
    split.bindLinear(source, result);
  return success();
}

static LogicalResult transpose(Transpose &outer, Operation *op, OpBuilder &b) {
  Location loc = cotangentLoc(op->getLoc());
  llvm::SetVector<Value> captures = outer.captures(op);
  Region regions[2];
  SmallVector<Value> given[2];
  llvm::BitVector reached(captures.size());
  for (auto [from, region, cotangents] : llvm::zip(op->getRegions(), regions, given)) {
    IRMapping map;
    from.cloneInto(&region, map);
    Block &body = region.front();
    Activity linear(outer.linear);
    linear.run(body);
    Transpose inner(linear);
    RuleBuilder at = atEnd(body, loc);
    SmallVector<Value> yielded = takeTerminator(body);
    for (auto [i, value] : llvm::enumerate(yielded))
      inner.give(at, loc, value, outer.cotangent(op->getResult(i)));
    if (failed(inner.block(body, at))) return failure();
    inner.eraseLinearOps(body);
    for (auto [i, capture] : llvm::enumerate(captures)) {
      cotangents.push_back(inner.cotangent(capture));
      if (cotangents.back()) reached.set(i);
    }
  }
  SmallVector<Type> types;
  for (unsigned i : reached.set_bits()) types.push_back(captures[i].getType());
  if (types.empty()) return success();
  auto backward = IfOp::create(b, loc, types, op->getOperand(0));
  for (auto [region, to, cotangents] : llvm::zip(regions, backward->getRegions(), given)) {
    RuleBuilder at = atEnd(region.front(), loc);
    SmallVector<Value> values;
    for (unsigned i : reached.set_bits())
      values.push_back(cotangents[i] ? cotangents[i] : zerosLike(at, captures[i]));
    YieldOp::create(at, values);
    to.takeBody(region);
  }
  for (auto [k, i] : llvm::enumerate(reached.set_bits()))
    outer.give(b, loc, captures[i], backward.getResult(k));
  return success();
}

const Structure kIfStructure = {activity, jvp, split, transpose};

} // namespace weir::autodiff
