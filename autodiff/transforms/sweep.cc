// Derivatives of `sweep`, which map sweeps to sweeps. JVP: every state gets a tangent beside it.
// Split: the sweep without its linear states, and the whole of it again, so that nothing of a step
// becomes a residual. Transposed: the cotangents of forward states run back, those of reverse
// states run forward, over the same nonlinear states.
#include "autodiff/transforms/sweep.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static void activity(Activity &active, Operation *op) {
  auto sweep = cast<SweepOp>(op);
  Block &forward = sweep.getForward().front(), &reverse = sweep.getReverse().front();
  carryActivity(active, forward, sweep.getForwardInits(), forward.getArguments());
  for (auto [state, seen] : llvm::zip(forward.getArguments(), reverse.getArguments()))
    if (active.contains(state)) active.insert(seen);
  ValueRange backCarries = ValueRange(reverse.getArguments()).drop_front(sweep.numForward());
  carryActivity(active, reverse, sweep.getReverseInits(), backCarries);
  SmallVector<Value> carries(forward.getArguments());
  llvm::append_range(carries, backCarries);
  for (auto [carry, result] : llvm::zip(carries, op->getResults()))
    if (active.contains(carry)) active.insert(result);
}

namespace {
/// Makes the body of one direction of a sweep with tangents.
struct TangentBody {
  Jvp &jvp;
  Block &to;
  RuleBuilder b;

  TangentBody(Jvp &jvp, Region &region, Location loc)
      : jvp(jvp), to(region.emplaceBlock()), b(atEnd(to, loc)) {}

  /// Adds arguments for `sources`, then one for the tangent of each of `varying`.
  void bind(ValueRange sources, ArrayRef<unsigned> varying) {
    SmallVector<Value> copies = addArguments(to, sources);
    for (auto [source, copy] : llvm::zip(sources, copies)) jvp.bind(source, copy);
    for (unsigned i : varying) {
      Value tangent = to.addArgument(copies[i].getType(), copies[i].getLoc());
      jvp.bind(sources[i], copies[i], tangent);
    }
  }
  /// Outer values that vary: their tangents come as states that stay as they are.
  SmallVector<Value> bindCaptures(ArrayRef<Value> captures) {
    SmallVector<Value> tangents = addArguments(to, captures);
    for (auto [capture, tangent] : llvm::zip(captures, tangents))
      jvp.bind(capture, jvp.primal(capture), tangent);
    return tangents;
  }
  LogicalResult run(Block &from, ArrayRef<unsigned> varying, ValueRange unchanged) {
    if (failed(jvp.block(from, b))) return failure();
    ValueRange yields = from.getTerminator()->getOperands();
    SmallVector<Value> values = llvm::map_to_vector(yields, [&](Value v) { return jvp.primal(v); });
    for (unsigned i : varying) values.push_back(jvp.tangentOrZeros(b, yields[i]));
    llvm::append_range(values, unchanged);
    YieldOp::create(b, values);
    return success();
  }
};
} // namespace

static SmallVector<unsigned> varyingOf(const Activity &active, ValueRange carries) {
  SmallVector<unsigned> indices;
  for (auto [i, carry] : llvm::enumerate(carries))
    if (active.contains(carry)) indices.push_back(i);
  return indices;
}

FailureOr<SweptTangents> sweepTangents(Jvp &jvp, const SweepSource &source, Value trips,
                                       OpBuilder &at) {
  RuleBuilder b(tangentLoc(source.op->getLoc()), at);
  ValueRange states(source.forward->getArguments()), backStates, seenStates;
  if (source.reverse) {
    backStates = ValueRange(source.reverse->getArguments()).drop_front(states.size());
    seenStates = ValueRange(source.reverse->getArguments()).take_front(states.size());
  }
  SmallVector<unsigned> varying = varyingOf(jvp.active, states),
                        backVarying = varyingOf(jvp.active, backStates);
  SmallVector<Value> captures, captureTangents;
  for (Value v : outerValues(source.op))
    if (Value tangent = jvp.tangent(v)) captures.push_back(v), captureTangents.push_back(tangent);

  auto startOf = [&](ValueRange inits, ArrayRef<unsigned> varying) {
    auto starts = llvm::map_to_vector(inits, [&](Value v) { return jvp.primal(v); });
    for (unsigned i : varying) starts.push_back(jvp.tangentOrZeros(b, inits[i]));
    return starts;
  };
  SmallVector<Value> forwardInits = startOf(source.forwardInits, varying),
                     reverseInits = startOf(source.reverseInits, backVarying);
  llvm::append_range(forwardInits, captureTangents);

  Region forward, reverse;
  TangentBody ahead(jvp, forward, b.getLoc()), back(jvp, reverse, b.getLoc());
  ahead.bind(states, varying);
  SmallVector<Value> unchanged = ahead.bindCaptures(captures);
  if (failed(ahead.run(*source.forward, varying, unchanged))) return failure();
  if (source.reverse) {
    back.bind(seenStates, varying);
    back.bindCaptures(captures);
    back.bind(backStates, backVarying);
    if (failed(back.run(*source.reverse, backVarying, {}))) return failure();
  } else {
    addArguments(back.to, ahead.to.getArguments());
    YieldOp::create(back.b, ValueRange());
  }
  for (auto [capture, tangent] : llvm::zip(captures, captureTangents))
    jvp.bind(capture, jvp.primal(capture), tangent);

  SmallVector<Type> types(ValueRange(forwardInits).getTypes());
  llvm::append_range(types, ValueRange(reverseInits).getTypes());
  auto sweep = SweepOp::create(b, types, trips, forwardInits, reverseInits, source.snapshots);
  sweep.getForward().takeBody(forward);
  sweep.getReverse().takeBody(reverse);
  SweptTangents result{sweep, SmallVector<int>(states.size() + backStates.size(), -1)};
  for (auto [k, i] : llvm::enumerate(varying)) result.tangentOf[i] = states.size() + k;
  for (auto [k, i] : llvm::enumerate(backVarying))
    result.tangentOf[states.size() + i] = forwardInits.size() + backStates.size() + k;
  return result;
}

static LogicalResult jvp(Jvp &jvp, Operation *op, OpBuilder &b) {
  auto sweep = cast<SweepOp>(op);
  SweepSource source{op,
                     sweep.getForwardInits(),
                     sweep.getReverseInits(),
                     &sweep.getForward().front(),
                     &sweep.getReverse().front(),
                     int64_t(sweep.getSnapshots())};
  auto swept = sweepTangents(jvp, source, jvp.primal(sweep.getTrips()), b);
  if (failed(swept)) return failure();
  unsigned forward = sweep.numForward(), newForward = swept->sweep.numForward();
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    unsigned primal = i < forward ? i : newForward + (i - forward);
    int tangent = swept->tangentOf[i];
    jvp.bind(result, swept->sweep.getResult(primal),
             tangent < 0 ? Value() : Value(swept->sweep.getResult(tangent)));
  }
  return success();
}

namespace {
/// One half of a sweep that is split: the states it has, and what it reads from outside.
struct SplitSweep {
  SweepOp from;
  llvm::BitVector keepForward, keepReverse;
  std::function<Value(Value)> outer; ///< what stands for an outer value of the source
};
} // namespace

/// Emits one half: without the linear states (`isPrimal`), or all of them.
static FailureOr<SweepOp> emitHalf(Split &split, const SplitSweep &half, bool isPrimal,
                                   OpBuilder &b) {
  SweepOp from = half.from;
  Location loc = from.getLoc();
  Region regions[2], junk;
  for (auto [source, region] : llvm::zip(from->getRegions(), regions)) {
    Split inner(split.linear);
    Block &to = region.emplaceBlock(), &other = isPrimal ? junk.emplaceBlock() : to;
    Scope scope(nullptr, to, other, loc);
    scope.residual = [&](Value value) -> Value {
      return other.addArgument(value.getType(), value.getLoc());
    };
    for (Value v : outerValues(from)) inner.bindPrimal(v, half.outer(v));
    for (Value argument : source.getArguments()) {
      bool isLinear = split.linear.contains(argument);
      if (isLinear && isPrimal) {
        inner.bindLinear(argument, other.addArgument(argument.getType(), argument.getLoc()));
        continue;
      }
      Value copy = to.addArgument(argument.getType(), argument.getLoc());
      isLinear ? inner.bindLinear(argument, copy) : inner.bindPrimal(argument, copy);
    }
    if (failed(inner.block(source.front(), scope))) return failure();
    ValueRange carries =
        source.getArguments().take_back(source.front().getTerminator()->getNumOperands());
    SmallVector<Value> yields;
    for (auto [carry, value] : llvm::zip(carries, source.front().getTerminator()->getOperands())) {
      if (!split.linear.contains(carry))
        yields.push_back(inner.inPrimal(value));
      else if (!isPrimal)
        yields.push_back(inner.inLinear(value, scope));
    }
    YieldOp::create(scope.primal, loc, yields);
  }
  auto starts = [&](ValueRange inits, const llvm::BitVector &keep) {
    return llvm::map_to_vector(masked(inits, keep), half.outer);
  };
  SmallVector<Value> forward = starts(from.getForwardInits(), half.keepForward),
                     reverse = starts(from.getReverseInits(), half.keepReverse);
  SmallVector<Type> types(ValueRange(forward).getTypes());
  llvm::append_range(types, ValueRange(reverse).getTypes());
  auto made = SweepOp::create(b, loc, types, half.outer(from.getTrips()), forward, reverse,
                              from.getSnapshots());
  for (auto [region, to] : llvm::zip(regions, made->getRegions())) to.takeBody(region);
  return made;
}

static LogicalResult split(Split &split, Operation *op, Scope &scope) {
  auto sweep = cast<SweepOp>(op);
  ValueRange arguments(sweep.getReverse().getArguments());
  llvm::BitVector linear = split.linear.mask(arguments), all(arguments.size(), true);
  unsigned forward = sweep.numForward();
  auto part = [&](llvm::BitVector mask, bool isForward) {
    if (isForward)
      mask.resize(forward);
    else
      mask >>= forward, mask.resize(arguments.size() - forward);
    return mask;
  };
  llvm::BitVector mine = linear;
  mine.flip();
  SplitSweep primal{sweep, part(mine, true), part(mine, false),
                    [&](Value v) { return split.inPrimal(v); }};
  SplitSweep whole{sweep, part(all, true), part(all, false),
                   [&](Value v) { return split.inLinear(v, scope); }};
  // A nonlinear result that nobody uses needs no loop of its own.
  auto isUsed = [&](auto pair) {
    return !linear[std::get<0>(pair)] && !std::get<1>(pair).use_empty();
  };
  auto results = llvm::zip(llvm::seq(0u, op->getNumResults()), op->getResults());
  if (llvm::any_of(results, isUsed)) {
    auto made = emitHalf(split, primal, true, scope.primal);
    if (failed(made)) return failure();
    for (auto [source, result] :
         llvm::zip(masked(op->getResults(), linear, false), made->getResults()))
      split.bindPrimal(source, result);
  }
  auto made = emitHalf(split, whole, false, scope.linear);
  if (failed(made)) return failure();
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (linear[i]) split.bindLinear(result, made->getResult(i));
  return success();
}

namespace {
/// The transpose of a sweep while it is made. States are known by their position among the
/// arguments of the reverse region: forward states, then reverse ones.
class TransposedSweep {
public:
  TransposedSweep(Transpose &outer, SweepOp sweep)
      : outer(outer), sweep(sweep), linear(outer.linear.mask(ValueRange(reverseArguments()))),
        loc(cotangentLoc(sweep.getLoc())) {}

  LogicalResult run(OpBuilder &at);

private:
  Block::BlockArgListType reverseArguments() { return sweep.getReverse().getArguments(); }
  SmallVector<Value> pick(bool forward, bool isLinear, ValueRange values) {
    SmallVector<Value> picked;
    unsigned offset = forward ? 0 : sweep.numForward();
    for (auto [i, value] : llvm::enumerate(values))
      if (linear[offset + i] == isLinear) picked.push_back(value);
    return picked;
  }
  ValueRange yields(Region &region) { return region.front().getTerminator()->getOperands(); }
  void clone(Region &from, IRMapping &map, OpBuilder &b) {
    for (Operation &op : from.front().without_terminator()) b.clone(op, map);
  }
  /// Maps the arguments of `region` that are (not) linear to `to`.
  void mapArguments(Region &region, bool isLinear, ValueRange to, IRMapping &map) {
    unsigned next = 0;
    for (auto [i, argument] : llvm::enumerate(region.getArguments()))
      if (linear[i] == isLinear) map.map(argument, to[next++]);
  }
  Value orZeros(RuleBuilder &b, Value cotangent, Value like) {
    return cotangent ? cotangent : zerosLike(b, like);
  }
  LogicalResult fillForward(Region &region);
  LogicalResult fillReverse(Region &region);

  Transpose &outer;
  SweepOp sweep;
  llvm::BitVector linear;
  Location loc;
};
} // namespace

/// (s, v) -> (s', v'): the nonlinear forward states, and the cotangents of the linear reverse ones.
LogicalResult TransposedSweep::fillForward(Region &region) {
  Block &body = region.emplaceBlock();
  RuleBuilder b = atEnd(body, loc);
  ValueRange forwardArguments(sweep.getForward().getArguments()),
      backArguments = ValueRange(reverseArguments()).drop_front(sweep.numForward());
  SmallVector<Value> states = addArguments(body, pick(true, false, forwardArguments));
  SmallVector<Value> backLinear = pick(false, true, backArguments);
  SmallVector<Value> cotangents = addArguments(body, backLinear);
  SmallVector<Value> results;
  // What the linear arguments stand for while the bodies are copied; all of it goes again.
  unsigned kept = body.getNumArguments();
  SmallVector<Value> linearStates = addArguments(body, pick(true, true, forwardArguments));
  SmallVector<Value> linearBack = addArguments(body, backLinear);
  SmallVector<Value> plainBack = addArguments(body, pick(false, false, backArguments));

  IRMapping ahead, back;
  mapArguments(sweep.getForward(), false, states, ahead);
  mapArguments(sweep.getForward(), true, linearStates, ahead);
  clone(sweep.getForward(), ahead, b);
  if (!backLinear.empty()) {
    SmallVector<Value> plain(states), theirs(linearStates);
    llvm::append_range(plain, plainBack);
    llvm::append_range(theirs, linearBack);
    mapArguments(sweep.getReverse(), false, plain, back);
    mapArguments(sweep.getReverse(), true, theirs, back);
    // A call may give what the transpose reads together with what reads other reverse states.
    if (failed(cloneInlined(outer.linear.derivatives, sweep.getReverse().front(), back, b)))
      return failure();
  }
  Activity active(outer.linear);
  for (Value v : linearStates) active.insert(v);
  for (Value v : linearBack) active.insert(v);
  active.run(body);
  Transpose inner(active);
  for (auto [value, ct] : llvm::zip(pick(false, true, yields(sweep.getReverse())), cotangents))
    inner.give(b, loc, back.lookupOrDefault(value), ct);
  if (failed(inner.block(body, b))) return failure();
  inner.eraseLinearOps(body);
  for (Value value : pick(true, false, yields(sweep.getForward())))
    results.push_back(ahead.lookupOrDefault(value));
  for (Value v : linearBack) results.push_back(orZeros(b, inner.cotangent(v), v));
  YieldOp::create(b, results);
  eraseUnused(body);
  for (Value v : plainBack)
    if (!v.use_empty())
      return sweep.emitError("sweep: a reverse state's transpose reads another reverse state");
  body.eraseArguments(kept, body.getNumArguments() - kept);
  return success();
}

/// (s, v, r, w) -> (r', w'): the nonlinear reverse states, and the cotangents of the linear forward
/// ones.
LogicalResult TransposedSweep::fillReverse(Region &region) {
  Block &body = region.emplaceBlock();
  RuleBuilder b = atEnd(body, loc);
  ValueRange forwardArguments(sweep.getForward().getArguments()),
      backArguments = ValueRange(reverseArguments()).drop_front(sweep.numForward());
  SmallVector<Value> forwardLinear = pick(true, true, forwardArguments);
  SmallVector<Value> backLinear = pick(false, true, backArguments);
  SmallVector<Value> states = addArguments(body, pick(true, false, forwardArguments));
  SmallVector<Value> backCotangents = addArguments(body, backLinear);
  SmallVector<Value> back = addArguments(body, pick(false, false, backArguments));
  SmallVector<Value> cotangents = addArguments(body, forwardLinear);
  unsigned kept = body.getNumArguments();
  SmallVector<Value> linearStates = addArguments(body, forwardLinear);
  SmallVector<Value> linearBack = addArguments(body, backLinear);

  IRMapping aheadMap, backMap;
  mapArguments(sweep.getForward(), false, states, aheadMap);
  mapArguments(sweep.getForward(), true, linearStates, aheadMap);
  clone(sweep.getForward(), aheadMap, b);
  SmallVector<Value> plain(states), theirs(linearStates);
  llvm::append_range(plain, back);
  llvm::append_range(theirs, linearBack);
  mapArguments(sweep.getReverse(), false, plain, backMap);
  mapArguments(sweep.getReverse(), true, theirs, backMap);
  clone(sweep.getReverse(), backMap, b);

  Activity active(outer.linear);
  for (Value v : theirs) active.insert(v);
  active.run(body);
  Transpose inner(active);
  for (auto [value, ct] : llvm::zip(pick(true, true, yields(sweep.getForward())), cotangents))
    inner.give(b, loc, aheadMap.lookupOrDefault(value), ct);
  for (auto [value, ct] : llvm::zip(pick(false, true, yields(sweep.getReverse())), backCotangents))
    inner.give(b, loc, backMap.lookupOrDefault(value), ct);
  if (failed(inner.block(body, b))) return failure();
  inner.eraseLinearOps(body);
  SmallVector<Value> results;
  for (Value value : pick(false, false, yields(sweep.getReverse())))
    results.push_back(backMap.lookupOrDefault(value));
  for (Value v : linearStates) results.push_back(orZeros(b, inner.cotangent(v), v));
  YieldOp::create(b, results);
  eraseUnused(body);
  body.eraseArguments(kept, body.getNumArguments() - kept);
  return success();
}

LogicalResult TransposedSweep::run(OpBuilder &at) {
  RuleBuilder b(loc, at);
  Region forward, reverse;
  if (failed(fillForward(forward)) || failed(fillReverse(reverse))) return failure();
  auto cotangentsOf = [&](ValueRange results) {
    return llvm::map_to_vector(results, [&](Value v) { return orZeros(b, outer.cotangent(v), v); });
  };
  SmallVector<Value> forwardInits = pick(true, false, sweep.getForwardInits()),
                     reverseInits = pick(false, false, sweep.getReverseInits());
  llvm::append_range(forwardInits, cotangentsOf(pick(false, true, sweep.reverseFinals())));
  llvm::append_range(reverseInits, cotangentsOf(pick(true, true, sweep.forwardFinals())));
  SmallVector<Type> types(ValueRange(forwardInits).getTypes());
  llvm::append_range(types, ValueRange(reverseInits).getTypes());
  auto made =
      SweepOp::create(b, types, sweep.getTrips(), forwardInits, reverseInits, sweep.getSnapshots());
  made.getForward().takeBody(forward);
  made.getReverse().takeBody(reverse);

  SmallVector<Value> backTargets = pick(false, true, sweep.getReverseInits()),
                     targets = pick(true, true, sweep.getForwardInits());
  for (auto [target, ct] :
       llvm::zip(backTargets, made.forwardFinals().take_back(backTargets.size())))
    outer.give(b, loc, target, ct);
  for (auto [target, ct] : llvm::zip(targets, made.reverseFinals().take_back(targets.size())))
    outer.give(b, loc, target, ct);
  return success();
}

static LogicalResult transpose(Transpose &outer, Operation *op, OpBuilder &b) {
  return TransposedSweep(outer, cast<SweepOp>(op)).run(b);
}

const Structure kSweepStructure = {activity, jvp, split, transpose};

} // namespace weir::autodiff
