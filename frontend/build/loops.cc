// Loops of unknown length: bodies run in a detached region, which becomes part of the graph only
// when all went well.
#include "frontend/api/control.h"
#include "frontend/build/regions.h"

using namespace mlir;

namespace weir {

using namespace build;

/// The condition's answer, checked.
static Tensor goesOn(const WhileCondition &condition, const TensorList &carries, Location at) {
  Tensor answer = condition(carries);
  if (!(answer.type(at) == TensorType{i1, {}}))
    throw Error("whileLoop: the condition is " + answer.type().str() + ", but must be i1[]", at,
                {noteOn({answer, "the condition"})});
  return answer;
}

/// A scan of `maxTrips` steps, of which those after the last leave the carries as they are.
static TensorList boundedLoop(const TensorList &inits, const WhileCondition &condition,
                              const WhileBody &body, int64_t maxTrips, Location at) {
  ScanBody step = [&](const TensorList &carries, const TensorList &) {
    Function another([&](const TensorList &) {
      TensorList next = body(carries);
      checkCarries("whileLoop", inits, next, at);
      return next;
    });
    Function none([&](const TensorList &) { return carries; });
    return Scanned{cond(Arg(goesOn(condition, carries, at), at), another, none).all(), {}};
  };
  return scan(inits, {}, step, {.trips = maxTrips}, at).carries;
}

TensorList whileLoop(const TensorList &inits, const WhileCondition &condition,
                     const WhileBody &body, WhileOptions options, Location at) {
  const char *name = "whileLoop";
  StatePtr state = sharedState(name, inits, at);
  if (options.snapshots < 1)
    throw Error("whileLoop: snapshots is " + std::to_string(options.snapshots) +
                    ", but must be at least 1",
                at);
  if (options.maxTrips > 0) return boundedLoop(inits, condition, body, options.maxTrips, at);
  Transaction transaction(*state);
  SmallVector<Value> operands;
  for (const Tensor &init : inits) operands.push_back(state->use({init, "an input"}, name, at));
  SmallVector<std::unique_ptr<Region>, 2> regions;
  auto build = [&](const char *what, const WhileBody &emit) {
    regions.push_back(newRegion());
    Block *block = &regions.back()->front();
    EnterScope scope(*state, Scope::Region, block, std::string("the ") + what + " of whileLoop");
    for (const Tensor &init : inits)
      block->addArgument(state->mlirType(init.type()), state->locate(at));
    yield(*state, name, emit(state->wrapAll(block->getArguments(), at)), at);
  };
  build("condition",
        [&](const TensorList &carries) { return TensorList{goesOn(condition, carries, at)}; });
  build("body", [&](const TensorList &carries) {
    TensorList next = body(carries);
    checkCarries(name, inits, next, at);
    return next;
  });
  NamedAttribute snapshots = state->builder().getNamedAttr(
      "snapshots", state->builder().getI64IntegerAttr(options.snapshots));
  Operation *op =
      state->emitKnown("while", operands, ValueRange(operands).getTypes(), snapshots, regions, at);
  TensorList results = state->wrapAll(op->getResults(), at);
  transaction.commit();
  return results;
}

Tensor whileLoop(Arg init, const std::function<Tensor(Tensor)> &condition,
                 const std::function<Tensor(Tensor)> &body, WhileOptions options) {
  return whileLoop(
      {tensorOf("whileLoop", init, "init")},
      [&](const TensorList &carries) { return condition(carries[0]); },
      [&](const TensorList &carries) { return TensorList{body(carries[0])}; }, options, init.at)[0];
}

TensorList forLoop(Arg begin, Arg end, const TensorList &inits, const ForBody &body,
                   WhileOptions options) {
  const Location at = begin.at;
  // A bound that is a number takes the other's dtype.
  const bool endIsTensor = end.kind == Arg::IsTensor;
  const Operand bound = endIsTensor ? Operand{end.tensor, "end"}
                                    : Operand{tensorOf("forLoop", begin, "begin"), "begin"};
  checkCounter("forLoop", bound, at);
  CallScope scope(at);
  Tensor zero = bound.tensor - bound.tensor;
  Tensor last = endIsTensor ? end.tensor : zero + end;
  TensorList carries = inits;
  carries.push_back(begin.kind == Arg::IsTensor ? begin.tensor : zero + begin);
  TensorList finals = whileLoop(
      carries, [&](const TensorList &c) { return c.back() < last; },
      [&](const TensorList &c) {
        TensorList next = body(c.back(), TensorList(c.begin(), c.end() - 1));
        next.push_back(c.back() + 1);
        return next;
      },
      options, at);
  finals.pop_back();
  return finals;
}

} // namespace weir
