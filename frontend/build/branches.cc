// Branches, and what only marks values: each branch is built in a detached region, which becomes
// part of the graph only when both went well.
#include "frontend/api/control.h"
#include "frontend/build/regions.h"

using namespace mlir;

namespace weir {

using namespace build;

namespace {

/// One branch: its region and what it gives.
TensorList buildBranch(GraphState &state, const char *which, Region &region, const Function &f,
                       const TensorList &operands, Location at) {
  EnterScope scope(state, Scope::Region, &region.front(),
                   std::string("the ") + which + " branch of cond");
  // Without operands the body is the region; with them it is a function that both may share.
  const bool closed = operands.empty() && !f.state()->graph;
  const int64_t arity = f.state()->arity(state.shared_from_this(), {}, at);
  if (closed && arity > 0)
    throw Error(std::string("cond: the ") + which + " branch takes " + std::to_string(arity) +
                    " tensors, but there are no operands",
                at);
  TensorList results = closed ? f.state()->body({}) : call(f, operands, at).all();
  yield(state, "cond", results, at);
  return results;
}

} // namespace

Results cond(Arg pred, const Function &thenBody, const Function &elseBody,
             const TensorList &operands) {
  const Location at = pred.at;
  const Operand predicate{tensorOf("cond", pred, "pred"), "pred"};
  if (!(predicate.tensor.type(at) == TensorType{i1, {}}))
    throw Error("cond: pred is " + predicate.tensor.type().str() + ", but must be i1[]", at,
                {noteOn(predicate)});
  StatePtr state = GraphState::stateOf(predicate.tensor);
  Transaction transaction(*state);
  Value condition = state->use(predicate, "cond", at);
  SmallVector<std::unique_ptr<Region>, 2> regions;
  regions.push_back(newRegion());
  regions.push_back(newRegion());
  TensorList a = buildBranch(*state, "then", *regions[0], thenBody, operands, at);
  TensorList b = buildBranch(*state, "else", *regions[1], elseBody, operands, at);
  if (a.size() != b.size())
    throw Error("cond: the then branch gives " + std::to_string(a.size()) +
                    " results, the else branch " + std::to_string(b.size()),
                at);
  SmallVector<Type> types;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i].type() == b[i].type()))
      throw Error("cond: result " + std::to_string(i) + " is " + a[i].type().str() +
                      " in the then branch, " + b[i].type().str() + " in the else branch",
                  at, {noteOn({a[i], "then's"}), noteOn({b[i], "else's"})});
    types.push_back(state->mlirType(a[i].type()));
  }
  Operation *op = state->emitKnown("if", condition, types, {}, regions, at);
  Results results(state->wrapAll(op->getResults(), at), at);
  transaction.commit();
  return results;
}

Results switchCase(Arg index, const std::vector<Function> &branches, const TensorList &operands) {
  const Operand which{tensorOf("switchCase", index, "index"), "index"};
  checkCounter("switchCase", which, index.at);
  if (branches.empty()) throw Error("switchCase: there are no branches", index.at);
  // A chain of ifs: the first test that holds decides.
  std::function<TensorList(size_t, const TensorList &)> from = [&](size_t i,
                                                                   const TensorList &args) {
    if (i + 1 == branches.size())
      return args.empty() ? branches[i].state()->body({}) : call(branches[i], args, index.at).all();
    Tensor isHere = Arg(which.tensor, index.at) <= Arg(static_cast<int64_t>(i), index.at);
    Function others([&from, i](const TensorList &rest) { return from(i + 1, rest); });
    return cond(Arg(isHere, index.at), branches[i], others, args).all();
  };
  return Results(from(0, operands), index.at);
}

std::vector<Tensor> barrier(const std::vector<Tensor> &xs, Location at) {
  StatePtr state = sharedState("barrier", xs, at);
  SmallVector<Value> values;
  for (const Tensor &x : xs) values.push_back(state->use({x, "operand"}, "barrier", at));
  Operation *op = state->emitKnown("barrier", values, ValueRange(values).getTypes(), {}, {}, at);
  return state->wrapAll(op->getResults(), at);
}

Tensor stopGradient(Arg x) {
  // The derivative of a bit pattern is zero by definition.
  Tensor operand = tensorOf("stopGradient", x);
  return runtime::isFloat(operand.dtype(x.at)) ? bitcast(x, operand.dtype()) : operand;
}

} // namespace weir
