// Loops: bodies run in a detached region, which becomes part of the graph only when all
// went well.
#include "frontend/api/control.h"
#include "frontend/build/regions.h"

using namespace mlir;

namespace weir {

using namespace build;

namespace {

RankedTensorType stacked(Type slice, int64_t trips) {
  auto type = cast<RankedTensorType>(slice);
  SmallVector<int64_t> shape{trips};
  llvm::append_range(shape, type.getShape());
  return RankedTensorType::get(shape, type.getElementType());
}

/// The number of steps, from the xs or the options.
int64_t tripCount(const TensorList &xs, const ScanOptions &options, Location at) {
  int64_t trips = options.trips;
  for (size_t i = 0; i < xs.size(); ++i) {
    const Operand operand{xs[i], "xs " + std::to_string(i)};
    if (xs[i].rank(at) == 0)
      throw Error("scan: " + operand.label + " is a scalar, so it has no first dim to run along",
                  at, {noteOn(operand)});
    if (trips >= 0 && xs[i].dim(0, at) != trips)
      throw Error("scan: " + operand.label + " has " + std::to_string(xs[i].dim(0, at)) +
                      " slices, but there are " + std::to_string(trips) + " steps",
                  at, {noteOn(operand)});
    trips = xs[i].dim(0, at);
  }
  if (trips < 0) throw Error("scan: without xs, options.trips must say how many steps", at);
  return trips;
}

void checkCarries(const std::string &name, const TensorList &inits, const TensorList &carries,
                  Location at) {
  if (inits.size() != carries.size())
    throw Error(name + ": " + std::to_string(inits.size()) + " carries start, but the body gives " +
                    std::to_string(carries.size()),
                at);
  for (size_t i = 0; i < inits.size(); ++i)
    if (!(inits[i].type(at) == carries[i].type(at)))
      throw Error(name + ": carry " + std::to_string(i) + " starts as " + inits[i].type().str() +
                      ", but the body gives " + carries[i].type().str(),
                  at, {noteOn({inits[i], "the start"}), noteOn({carries[i], "the body's"})});
}

} // namespace

Scanned scan(const TensorList &inits, const TensorList &xs, const ScanBody &body,
             ScanOptions options, Location at) {
  TensorList all = inits;
  all.insert(all.end(), xs.begin(), xs.end());
  StatePtr state = sharedState("scan", all, at);
  const int64_t trips = tripCount(xs, options, at);
  Transaction transaction(*state);
  SmallVector<Value> operands;
  for (const Tensor &tensor : all) operands.push_back(state->use({tensor, "an input"}, "scan", at));

  SmallVector<std::unique_ptr<Region>, 1> regions;
  regions.push_back(newRegion());
  Block *block = &regions[0]->front();
  SmallVector<Type> results;
  {
    EnterScope scope(*state, Scope::Region, block, "the body of scan");
    for (const Tensor &init : inits)
      block->addArgument(state->mlirType(init.type()), state->locate(at));
    for (const Tensor &x : xs) {
      TensorType slice = x.type();
      slice.shape.erase(slice.shape.begin());
      block->addArgument(state->mlirType(slice), state->locate(at));
    }
    TensorList arguments = state->wrapAll(block->getArguments(), at);
    const auto split = arguments.begin() + static_cast<ptrdiff_t>(inits.size());
    Scanned step = body({arguments.begin(), split}, {split, arguments.end()});
    checkCarries("scan", inits, step.carries, at);
    TensorList yielded = step.carries;
    yielded.insert(yielded.end(), step.ys.begin(), step.ys.end());
    results = yield(*state, "scan", yielded, at);
  }
  for (size_t i = inits.size(); i < results.size(); ++i) results[i] = stacked(results[i], trips);
  OpBuilder b = state->builder();
  auto segments =
      b.getDenseI32ArrayAttr({static_cast<int32_t>(inits.size()), static_cast<int32_t>(xs.size())});
  SmallVector<NamedAttribute> attributes{b.getNamedAttr("trips", b.getI64IntegerAttr(trips)),
                                         b.getNamedAttr("operandSegmentSizes", segments)};
  if (options.reverse) attributes.push_back(b.getNamedAttr("reverse", b.getUnitAttr()));
  Operation *op = state->emitKnown("scan", operands, results, attributes, regions, at);
  TensorList outputs = state->wrapAll(op->getResults(), at);
  transaction.commit();
  const auto split = outputs.begin() + static_cast<ptrdiff_t>(inits.size());
  return {{outputs.begin(), split}, {split, outputs.end()}};
}

Scanned scan(const TensorList &inits, const TensorList &xs, const Function &f, ScanOptions options,
             Location at) {
  ScanBody body = [&](const TensorList &carries, const TensorList &slices) {
    TensorList args = carries;
    args.insert(args.end(), slices.begin(), slices.end());
    TensorList results = call(f, args, at).all();
    const size_t count = std::min(carries.size(), results.size());
    const auto split = results.begin() + static_cast<ptrdiff_t>(count);
    return Scanned{{results.begin(), split}, {split, results.end()}};
  };
  return scan(inits, xs, body, options, at);
}

std::pair<Tensor, Tensor> scan(Arg init, Arg xs,
                               const std::function<std::pair<Tensor, Tensor>(Tensor, Tensor)> &body,
                               ScanOptions options) {
  ScanBody step = [&](const TensorList &carries, const TensorList &slices) {
    auto [carry, y] = body(carries[0], slices[0]);
    return Scanned{{carry}, {y}};
  };
  Scanned result =
      scan({tensorOf("scan", init, "init")}, {tensorOf("scan", xs, "xs")}, step, options, init.at);
  return {result.carries[0], result.ys[0]};
}

Tensor repeat(int64_t trips, Arg init, const std::function<Tensor(Tensor)> &body) {
  if (trips < 0) throw Error("repeat: trips is " + std::to_string(trips), init.at);
  ScanBody step = [&](const TensorList &carries, const TensorList &) {
    return Scanned{{body(carries[0])}, {}};
  };
  return scan({tensorOf("repeat", init, "init")}, {}, step, {.trips = trips}, init.at).carries[0];
}

TensorList whileLoop(const TensorList &inits, const WhileCondition &condition,
                     const WhileBody &body, WhileOptions options, Location at) {
  const char *name = "whileLoop";
  StatePtr state = sharedState(name, inits, at);
  if (options.snapshots < 1)
    throw Error("whileLoop: snapshots is " + std::to_string(options.snapshots) +
                    ", but must be at least 1",
                at);
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
  build("condition", [&](const TensorList &carries) {
    Tensor goesOn = condition(carries);
    if (!(goesOn.type(at) == TensorType{i1, {}}))
      throw Error("whileLoop: the condition is " + goesOn.type().str() + ", but must be i1[]", at,
                  {noteOn({goesOn, "the condition"})});
    return TensorList{goesOn};
  });
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

TensorList map(const Function &f, const TensorList &xs, Location at) {
  ScanBody each = [&](const TensorList &, const TensorList &slices) {
    return Scanned{{}, call(f, slices, at).all()};
  };
  return scan({}, xs, each, {}, at).ys;
}

} // namespace weir
