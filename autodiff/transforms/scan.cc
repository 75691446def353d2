// Derivatives of `scan`: forward, a scan whose carries, slices and outputs come with tangents;
// split, a primal scan that also stacks its residuals and a scan linear in the tangents that reads
// them; transposed, a scan over the residuals in the other direction. Outer values that the linear
// body uses get their cotangents added up in a carry.
#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

/// A carry varies when its start does, or when what the body yields for it does.
static void activity(Activity &active, Operation *op) {
  auto scan = cast<ScanOp>(op);
  Block &body = scan.getBody().front();
  auto flow = [&](Value from, Value to) {
    if (active.contains(from) && isFloat(to)) active.insert(to);
  };
  for (auto [x, slice] : llvm::zip(scan.getXs(), scan.sliceArgs())) flow(x, slice);
  carryActivity(active, body, scan.getInits(), ValueRange(scan.carryArgs()));
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    flow(body.getTerminator()->getOperand(i), result);
    if (i < scan.getInits().size()) flow(scan.carryArgs()[i], result);
  }
}

/// Values of one kind in the order of a scan: all carries before all slices or stacked outputs.
namespace {
struct Parts {
  SmallVector<Value> carries, stacked;
};
} // namespace

static Parts partsOf(ScanOp scan, ValueRange values) {
  return {SmallVector<Value>(values.take_front(scan.numCarries())),
          SmallVector<Value>(values.drop_front(scan.numCarries()))};
}

/// The type of `slice` stacked over the trips.
static Type stackedType(Value slice, int64_t trips) {
  SmallVector<int64_t> shape{trips};
  llvm::append_range(shape, shapeOf(slice));
  return tensorType(slice).clone(shape);
}

/// A scan around `body`, whose terminator gets the values to yield.
static ScanOp createScan(OpBuilder &b, Location loc, ArrayRef<Value> inits, ArrayRef<Value> xs,
                         int64_t trips, bool reverse, Region &body, const Parts &yields) {
  SmallVector<Type> types(ValueRange(inits).getTypes());
  for (Value y : yields.stacked) types.push_back(stackedType(y, trips));
  auto scan = ScanOp::create(b, loc, types, inits, xs, trips, reverse);
  SmallVector<Value> values(yields.carries);
  llvm::append_range(values, yields.stacked);
  RuleBuilder inner = atEnd(body.front(), loc);
  YieldOp::create(inner, values);
  scan.getBody().takeBody(body);
  return scan;
}

static LogicalResult jvp(Jvp &jvp, Operation *op, OpBuilder &b) {
  auto scan = cast<ScanOp>(op);
  Block &from = scan.getBody().front();
  auto primalOf = [&](Value v) { return jvp.primal(v); };
  SmallVector<Value> inits = llvm::map_to_vector(scan.getInits(), primalOf);
  SmallVector<Value> xs = llvm::map_to_vector(scan.getXs(), primalOf);
  SmallVector<unsigned> carries, slices, outputs;
  for (auto [i, carry] : llvm::enumerate(scan.carryArgs()))
    if (jvp.active.contains(carry))
      carries.push_back(i), inits.push_back(jvp.tangentOrZeros(b, scan.getInits()[i]));
  for (auto [i, x] : llvm::enumerate(scan.getXs()))
    if (Value tangent = jvp.tangent(x)) slices.push_back(i), xs.push_back(tangent);
  for (auto [i, output] : llvm::enumerate(scan.stackedOutputs()))
    if (jvp.active.contains(output)) outputs.push_back(i);

  Region region;
  Block &body = region.emplaceBlock();
  RuleBuilder inner = atEnd(body, op->getLoc());
  auto bindArguments = [&](Block::BlockArgListType sources, ArrayRef<unsigned> varying) {
    SmallVector<Value> copies = addArguments(body, ValueRange(sources));
    for (auto [source, copy] : llvm::zip(sources, copies)) jvp.bind(source, copy);
    for (unsigned i : varying)
      jvp.bind(sources[i], copies[i], body.addArgument(copies[i].getType(), copies[i].getLoc()));
  };
  bindArguments(scan.carryArgs(), carries);
  bindArguments(scan.sliceArgs(), slices);
  if (failed(jvp.block(from, inner))) return failure();

  Parts sources = partsOf(scan, from.getTerminator()->getOperands()), yields;
  auto yield = [&](ArrayRef<Value> values, ArrayRef<unsigned> varying, SmallVector<Value> &to) {
    llvm::append_range(to, llvm::map_range(values, primalOf));
    for (unsigned i : varying) to.push_back(jvp.tangentOrZeros(inner, values[i]));
  };
  yield(sources.carries, carries, yields.carries);
  yield(sources.stacked, outputs, yields.stacked);
  auto both =
      createScan(b, op->getLoc(), inits, xs, scan.getTrips(), scan.getReverse(), region, yields);

  auto bindResults = [&](ValueRange from, ValueRange to, ArrayRef<unsigned> varying) {
    for (auto [source, copy] : llvm::zip(from, to)) jvp.bind(source, copy);
    for (auto [k, i] : llvm::enumerate(varying)) jvp.bind(from[i], to[i], to[from.size() + k]);
  };
  bindResults(scan.finalCarries(), both.finalCarries(), carries);
  bindResults(scan.stackedOutputs(), both.stackedOutputs(), outputs);
  return success();
}

namespace {
/// A scan being cut in two.
struct Cut {
  ScanOp scan;
  llvm::BitVector carries, slices, outputs; ///< which are linear
  Region primal, linear;
  SmallVector<Value> residuals;  ///< values of the primal body to be stacked
  SmallVector<unsigned> stackAt; ///< index among the linear scan's residuals of each of them
  SmallVector<unsigned> stacks;  ///< the primal scan's stacked output that holds each of them
  SmallVector<Value>
      residualXs; ///< operands of the linear scan; null where a stacked residual goes

  Cut(ScanOp scan, const Activity &linear)
      : scan(scan), carries(linear.mask(ValueRange(scan.carryArgs()))),
        slices(linear.mask(ValueRange(scan.sliceArgs()))),
        outputs(linear.mask(scan.stackedOutputs())) {}
};
} // namespace

/// Fills the two bodies; what they yield is not theirs yet.
static LogicalResult cutBody(Split &split, Cut &cut, Scope &outer, Parts &primalYields,
                             Parts &linearYields) {
  Block &primal = cut.primal.emplaceBlock(), &linear = cut.linear.emplaceBlock();
  Scope scope(&outer, primal, linear, cut.scan.getLoc());
  scope.isLoop = true;
  llvm::DenseMap<Value, Value> operandOfSlice;
  auto bind = [&](ValueRange sources, const llvm::BitVector &isLinear) {
    SmallVector<Value> mine = masked(sources, isLinear, false), theirs = masked(sources, isLinear);
    for (auto [source, copy] : llvm::zip(mine, addArguments(primal, mine)))
      split.bindPrimal(source, copy);
    for (auto [source, copy] : llvm::zip(theirs, addArguments(linear, theirs)))
      split.bindLinear(source, copy);
  };
  bind(ValueRange(cut.scan.carryArgs()), cut.carries);
  bind(ValueRange(cut.scan.sliceArgs()), cut.slices);
  for (auto [x, slice] : llvm::zip(cut.scan.getXs(), cut.scan.sliceArgs()))
    if (!split.linear.contains(slice)) operandOfSlice[split.inPrimal(slice)] = split.inPrimal(x);

  scope.residual = [&](Value value) -> Value {
    Value x = operandOfSlice.lookup(value); // a slice of an operand is there already, stacked
    if (!x) {
      cut.stackAt.push_back(cut.residualXs.size());
      cut.residuals.push_back(value);
    }
    cut.residualXs.push_back(x ? split.carry(x, outer) : Value());
    return linear.addArgument(value.getType(), value.getLoc());
  };
  Block &from = cut.scan.getBody().front();
  if (failed(split.block(from, scope))) return failure();

  Parts yields = partsOf(cut.scan, from.getTerminator()->getOperands());
  auto divide = [&](ArrayRef<Value> values, const llvm::BitVector &isLinear,
                    SmallVector<Value> &mine, SmallVector<Value> &theirs) {
    for (auto [i, value] : llvm::enumerate(values)) {
      if (isLinear[i])
        theirs.push_back(split.inLinear(value, scope));
      else
        mine.push_back(split.inPrimal(value));
    }
  };
  divide(yields.carries, cut.carries, primalYields.carries, linearYields.carries);
  divide(yields.stacked, cut.outputs, primalYields.stacked, linearYields.stacked);
  for (Value residual : cut.residuals)
    cut.stacks.push_back(position(primalYields.stacked, residual));
  return success();
}

static LogicalResult split(Split &split, Operation *op, Scope &scope) {
  auto scan = cast<ScanOp>(op);
  Cut cut(scan, split.linear);
  Parts primalYields, linearYields;
  if (failed(cutBody(split, cut, scope, primalYields, linearYields))) return failure();

  auto bothOf = [](ValueRange carries, ValueRange stacked, const llvm::BitVector &c,
                   const llvm::BitVector &s, bool wanted) {
    SmallVector<Value> values = masked(carries, c, wanted);
    llvm::append_range(values, masked(stacked, s, wanted));
    return values;
  };
  if (!primalYields.carries.empty() || !primalYields.stacked.empty()) {
    auto inPrimal = [&](Value v) { return split.inPrimal(v); };
    auto inits = llvm::map_to_vector(masked(scan.getInits(), cut.carries, false), inPrimal);
    auto xs = llvm::map_to_vector(masked(scan.getXs(), cut.slices, false), inPrimal);
    auto primal = createScan(scope.primal, op->getLoc(), inits, xs, scan.getTrips(),
                             scan.getReverse(), cut.primal, primalYields);
    for (auto [source, result] : llvm::zip(
             bothOf(scan.finalCarries(), scan.stackedOutputs(), cut.carries, cut.outputs, false),
             primal.getOutputs()))
      split.bindPrimal(source, result);
    for (auto [at, stack] : llvm::zip(cut.stackAt, cut.stacks))
      cut.residualXs[at] = split.carry(primal.stackedOutputs()[stack], scope);
  }
  auto inLinear = [&](Value v) { return split.inLinear(v, scope); };
  auto inits = llvm::map_to_vector(masked(scan.getInits(), cut.carries), inLinear);
  auto xs = llvm::map_to_vector(masked(scan.getXs(), cut.slices), inLinear);
  llvm::append_range(xs, cut.residualXs);
  auto linear = createScan(scope.linear, op->getLoc(), inits, xs, scan.getTrips(),
                           scan.getReverse(), cut.linear, linearYields);
  for (auto [source, result] :
       llvm::zip(bothOf(scan.finalCarries(), scan.stackedOutputs(), cut.carries, cut.outputs, true),
                 linear.getOutputs()))
    split.bindLinear(source, result);
  return success();
}

namespace {
/// The body of a transposed scan while it is made: a copy of the forward one whose linear arguments
/// come last, to go.
struct BackwardBody {
  Region region;
  SmallVector<Value> carries, sums, slices,
      outputs; ///< arguments: cotangents of carries, of outer values; xs; of ys
  SmallVector<Value> linearCarries, linearSlices; ///< arguments that only linear ops read
  IRMapping map;
};
} // namespace

static void addBackwardArguments(BackwardBody &backward, ScanOp scan, ArrayRef<Value> captures,
                                 const llvm::BitVector &linearXs, ArrayRef<Value> outputs) {
  Block &body = backward.region.emplaceBlock();
  ValueRange sliceArgs(scan.sliceArgs()), carryArgs(scan.carryArgs());
  backward.carries = addArguments(body, carryArgs);
  backward.sums = addArguments(body, captures);
  backward.slices = addArguments(body, masked(sliceArgs, linearXs, false));
  backward.outputs = addArguments(body, outputs);
  backward.linearCarries = addArguments(body, carryArgs);
  backward.linearSlices = addArguments(body, masked(sliceArgs, linearXs));
  backward.map.map(masked(sliceArgs, linearXs, false), backward.slices);
  backward.map.map(masked(sliceArgs, linearXs), backward.linearSlices);
  backward.map.map(carryArgs, ValueRange(backward.linearCarries));
}

/// Copies the forward body and runs it backwards; gives what the new one yields, with null for what
/// nothing reached.
static LogicalResult fillBackward(BackwardBody &backward, ScanOp scan, Transpose &outer,
                                  ArrayRef<Value> captures, const llvm::BitVector &seeded,
                                  Location loc, Parts &yields) {
  Block &from = scan.getBody().front(), &body = backward.region.front();
  RuleBuilder b = atEnd(body, loc);
  for (Operation &op : from.without_terminator()) b.clone(op, backward.map);
  Activity linear(outer.linear);
  for (Value v : backward.linearCarries) linear.insert(v);
  for (Value v : backward.linearSlices) linear.insert(v);
  linear.run(body);

  Transpose inner(linear);
  Parts seeds = partsOf(scan, from.getTerminator()->getOperands());
  auto yielded = [&](Value v) { return backward.map.lookupOrDefault(v); };
  for (auto [v, ct] : llvm::zip(seeds.carries, backward.carries))
    inner.give(b, loc, yielded(v), ct);
  for (auto [v, ct] : llvm::zip(masked(seeds.stacked, seeded), backward.outputs))
    inner.give(b, loc, yielded(v), ct);
  if (failed(inner.block(body, b))) return failure();
  inner.eraseLinearOps(body);

  for (Value carry : backward.linearCarries) {
    Value ct = inner.cotangent(carry);
    yields.carries.push_back(ct ? ct : zerosLike(b, carry));
  }
  for (auto [capture, sum] : llvm::zip(captures, backward.sums)) {
    Value ct = inner.cotangent(capture);
    yields.carries.push_back(ct ? Value(AddOp::create(b, sum, ct)) : Value());
  }
  for (Value slice : backward.linearSlices) yields.stacked.push_back(inner.cotangent(slice));
  return success();
}

static LogicalResult transpose(Transpose &outer, Operation *op, OpBuilder &at) {
  auto scan = cast<ScanOp>(op);
  RuleBuilder b(cotangentLoc(op->getLoc()), at);
  llvm::BitVector linearXs = outer.linear.mask(scan.getXs()), seeded(scan.stackedOutputs().size());
  SmallVector<Value> captures = outer.captures(op).takeVector(), outputs, inits, xs;
  for (Value carry : scan.finalCarries()) {
    Value ct = outer.cotangent(carry);
    inits.push_back(ct ? ct : zerosLike(b, carry));
  }
  xs = masked(scan.getXs(), linearXs, false);
  for (auto [i, y] : llvm::enumerate(scan.stackedOutputs()))
    if (Value ct = outer.cotangent(y)) seeded.set(i), xs.push_back(ct);

  BackwardBody backward;
  Parts yields;
  SmallVector<Value> slices =
      masked(partsOf(scan, scan.getBody().front().getTerminator()->getOperands()).stacked, seeded);
  addBackwardArguments(backward, scan, captures, linearXs, slices);
  if (failed(fillBackward(backward, scan, outer, captures, seeded, b.getLoc(), yields)))
    return failure();

  // Leave out the sums and the stacked cotangents that stayed zero.
  Block &body = backward.region.front();
  body.eraseArguments(body.getNumArguments() - backward.linearCarries.size() -
                          backward.linearSlices.size(),
                      backward.linearCarries.size() + backward.linearSlices.size());
  unsigned carries = scan.numCarries();
  SmallVector<Value> targets(scan.getInits()), stackedTargets;
  for (auto [i, capture] : llvm::enumerate(captures)) {
    if (!yields.carries[carries + i]) continue;
    targets.push_back(capture);
    inits.push_back(zerosLike(b, capture));
  }
  for (unsigned i = captures.size(); i-- > 0;)
    if (!yields.carries[carries + i]) body.eraseArgument(carries + i);
  for (auto [x, ct] : llvm::zip(masked(scan.getXs(), linearXs), yields.stacked))
    if (ct) stackedTargets.push_back(x);
  auto isNull = [](Value v) { return !v; };
  llvm::erase_if(yields.carries, isNull);
  llvm::erase_if(yields.stacked, isNull);

  auto result = createScan(b, b.getLoc(), inits, xs, scan.getTrips(), !scan.getReverse(),
                           backward.region, yields);
  llvm::append_range(targets, stackedTargets);
  for (auto [target, ct] : llvm::zip(targets, result.getOutputs()))
    outer.give(b, b.getLoc(), target, ct);
  return success();
}

const Structure kScanStructure = {activity, jvp, split, transpose};

} // namespace weir::autodiff
