// Derivative of `while`: the loop again, which also counts its steps, and a sweep of that many
// steps that carries the tangents. The condition is evaluated by the first alone.
#include "autodiff/transforms/sweep.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static void activity(Activity &active, Operation *op) {
  auto loop = cast<WhileOp>(op);
  Block &body = loop.getBody().front();
  carryActivity(active, body, loop.getInits(), body.getArguments());
  for (auto [carry, result] : llvm::zip(body.getArguments(), op->getResults()))
    if (active.contains(carry)) active.insert(result);
}

/// The loop with a counter as its last carry.
static WhileOp countingLoop(Jvp &jvp, WhileOp loop, OpBuilder &at) {
  RuleBuilder b(loop.getLoc(), at);
  auto count = RankedTensorType::get({}, b.getI64Type());
  SmallVector<Value> inits =
      llvm::map_to_vector(loop.getInits(), [&](Value v) { return jvp.primal(v); });
  inits.push_back(splat(b, count, 0));
  SmallVector<Type> types(ValueRange(inits).getTypes());
  auto counting = WhileOp::create(b, types, inits, loop.getSnapshots());
  for (auto [from, to] : llvm::zip(loop->getRegions(), counting->getRegions())) {
    IRMapping map;
    for (Value v : outerValues(loop)) map.map(v, jvp.primal(v));
    from.cloneInto(&to, map);
    to.front().addArgument(count, loop.getLoc());
  }
  Block &body = counting.getBody().front();
  SmallVector<Value> yields = takeTerminator(body);
  RuleBuilder inner = atEnd(body, loop.getLoc());
  yields.push_back(AddOp::create(inner, body.getArguments().back(), splat(inner, count, 1)));
  YieldOp::create(inner, yields);
  return counting;
}

static LogicalResult jvp(Jvp &jvp, Operation *op, OpBuilder &b) {
  auto loop = cast<WhileOp>(op);
  WhileOp counting = countingLoop(jvp, loop, b);
  SweepSource source{
      op, loop.getInits(), {}, &loop.getBody().front(), nullptr, int64_t(loop.getSnapshots())};
  auto swept = sweepTangents(jvp, source, counting.getResults().back(), b);
  if (failed(swept)) return failure();
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    int tangent = swept->tangentOf[i];
    jvp.bind(result, counting.getResult(i),
             tangent < 0 ? Value() : Value(swept->sweep.getResult(tangent)));
  }
  return success();
}

/// No `while` is ever linear: its tangents are a sweep's.
static LogicalResult refuse(Operation *op) {
  return op->emitError("while: reads a tangent, but only sweeps do");
}
static LogicalResult split(Split &, Operation *op, Scope &) {
  return refuse(op);
}
static LogicalResult transpose(Transpose &, Operation *op, OpBuilder &) {
  return refuse(op);
}

const Structure kWhileStructure = {activity, jvp, split, transpose};

} // namespace weir::autodiff
