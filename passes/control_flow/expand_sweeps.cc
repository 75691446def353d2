// weir-expand-sweeps: a sweep becomes a loop forwards and, when it comes back, a loop over the
// steps in reverse order. That one finds the state of each step by computing forwards from the
// nearest snapshot, leaving snapshots on the way where the binomial schedule wants them
// (README.md).
#include "passes/control_flow/control_flow.h"

#include "ir/dialect/weir.h"
#include "passes/control_flow/loops.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::passes {
namespace {

class Expansion {
public:
  explicit Expansion(SweepOp sweep)
      : sweep(sweep), at(sweep.getLoc(), sweep), trips(sweep.getTrips()),
        forwardInits(sweep.getForwardInits()), reverseInits(sweep.getReverseInits()),
        snapshots(sweep.getSnapshots()) {}

  void run() {
    Values results;
    auto isUsed = [](Value v) { return !v.use_empty(); };
    if (llvm::any_of(sweep.forwardFinals(), isUsed))
      results = advance(at, forwardInits, trips);
    else
      results = forwardInits;
    if (llvm::any_of(sweep.reverseFinals(), isUsed))
      llvm::append_range(results, comeBack());
    else
      llvm::append_range(results, reverseInits);
    sweep->replaceAllUsesWith(results);
    sweep.erase();
  }

private:
  /// The state `steps` steps behind `states`.
  Values advance(Scalars &s, ArrayRef<Value> states, Value steps) {
    Values inits(states);
    inits.push_back(s.number(0));
    auto goesOn = [&](Scalars &in, ValueRange carries) { return in.less(carries.back(), steps); };
    auto step = [&](Scalars &in, ValueRange carries) {
      Values next = inlineBody(sweep.getForward(), carries.drop_back(), in.b);
      next.push_back(in.add(carries.back(), in.number(1)));
      return next;
    };
    Values finals = loop(s, inits, goesOn, step);
    finals.pop_back();
    return finals;
  }
  Values comeBack();
  Values find(Scalars &s, Value step, ValueRange stack);
  Value stride(Scalars &s, Value steps, Value kept);

  SweepOp sweep;
  Scalars at;
  Value trips;
  Values forwardInits, reverseInits;
  int64_t snapshots;
};

/// How far to go from a snapshot before the next one: `steps` (at least 2) are to be reversed, with
/// `kept` snapshots (at least 2) of which one is where they start. With t the least number such
/// that C(kept + t, kept) >= steps, no step is computed more than t times, and no choice does
/// better.
Value Expansion::stride(Scalars &s, Value steps, Value kept) {
  // C(kept + t - 1, kept), C(kept + t, kept), t
  Values inits{s.number(1), s.add(kept, s.number(1)), s.number(1)};
  auto isShort = [&](Scalars &in, ValueRange c) { return in.less(c[1], steps); };
  auto next = [&](Scalars &in, ValueRange c) {
    Value t = in.add(c[2], in.number(1));
    return Values{c[1], in.div(in.mul(c[1], in.add(kept, t)), t), t};
  };
  Values found = loop(s, inits, isShort, next);
  Value left = found[0];
  // C(kept + t - 2, kept - 1): the fewest steps that must stay for the snapshots after this one.
  Value right = s.div(s.mul(left, kept), s.sub(s.add(kept, found[2]), s.number(1)));
  return s.min(left, s.sub(steps, right));
}

/// The stack of snapshots: the position of the top one, the steps they stand before, their states.
/// A place more than there are snapshots takes what need not be kept. Gives the stack with
/// snapshots added on the way, and the state before `step`.
Values Expansion::find(Scalars &s, Value step, ValueRange stack) {
  unsigned states = forwardInits.size();
  Value top = stack[0], steps = stack[1];
  Values inits{s.slice(steps, top)};
  llvm::append_range(inits, stack);
  for (unsigned i = 0; i < states; ++i) inits.push_back(s.slice(stack[2 + i], top));
  auto isBefore = [&](Scalars &in, ValueRange c) { return in.less(c[0], step); };
  auto approach = [&](Scalars &in, ValueRange c) {
    Value position = c[0], top = c[1];
    Values current(c.take_back(states));
    Value kept = in.sub(in.number(snapshots), top); // this one and the free ones
    Value ahead = in.sub(in.add(step, in.number(1)), position);
    Value isFree = in.less(in.number(1), kept);
    Value far = in.sub(ahead, in.number(1));
    Value by = in.select(isFree, stride(in, ahead, in.max(kept, in.number(2))), far);
    Values next = advance(in, current, by);
    position = in.add(position, by);
    Value place = in.add(top, in.number(1));
    Values result{position, in.select(isFree, place, top), in.setSlice(c[2], place, position)};
    for (unsigned i = 0; i < states; ++i) result.push_back(in.setSlice(c[3 + i], place, next[i]));
    llvm::append_range(result, next);
    return result;
  };
  Values found = loop(s, inits, isBefore, approach);
  found.erase(found.begin());
  return found;
}

Values Expansion::comeBack() {
  unsigned states = forwardInits.size(), stackSize = 2 + states;
  Values inits{trips, at.number(0), at.fill(at.number(0), snapshots + 1)};
  for (Value init : forwardInits) inits.push_back(at.fill(init, snapshots + 1));
  llvm::append_range(inits, reverseInits);
  auto goesOn = [&](Scalars &in, ValueRange c) { return in.less(in.number(0), c[0]); };
  auto stepBack = [&](Scalars &in, ValueRange c) {
    Value step = in.sub(c[0], in.number(1));
    Values found = find(in, step, c.slice(1, stackSize));
    ValueRange stack = ValueRange(found).take_front(stackSize);
    Values arguments(ValueRange(found).drop_front(stackSize));
    llvm::append_range(arguments, c.drop_front(1 + stackSize));
    Values results{step};
    // A snapshot of the step that is done is not needed any more.
    Value isDone = in.equal(in.slice(stack[1], stack[0]), step);
    Value below = in.sub(stack[0], in.number(1));
    results.push_back(in.max(in.select(isDone, below, stack[0]), in.number(0)));
    llvm::append_range(results, stack.drop_front());
    llvm::append_range(results, inlineBody(sweep.getReverse(), arguments, in.b));
    return results;
  };
  Values finals = loop(at, inits, goesOn, stepBack);
  return Values(ValueRange(finals).drop_front(1 + stackSize));
}

struct ExpandSweeps : PassWrapper<ExpandSweeps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandSweeps)
  StringRef getArgument() const override { return "weir-expand-sweeps"; }
  StringRef getDescription() const override {
    return "make while loops of sweeps, with a fixed number of states in memory";
  }
  void runOnOperation() override {
    // Inner ones first: their loops are part of the bodies that outer ones copy.
    SmallVector<SweepOp> sweeps;
    getOperation().walk([&](SweepOp sweep) { sweeps.push_back(sweep); });
    for (SweepOp sweep : sweeps) Expansion(sweep).run();
  }
};

} // namespace

std::unique_ptr<Pass> createExpandSweepsPass() {
  return std::make_unique<ExpandSweeps>();
}

void registerControlFlowPasses() {
  registerPass(createExpandSweepsPass);
  registerPass(createExpandScansPass);
  registerPass(createLowerToDataflowPass);
}

} // namespace weir::passes
