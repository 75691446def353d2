// scan and cond: bodies run in a detached region, which becomes part of the graph only when all
// went well.
#include "frontend/api/control.h"
#include "frontend/build/function.h"

using namespace mlir;

namespace weir {

using namespace build;

namespace {

std::unique_ptr<Region> newRegion() {
  auto region = std::make_unique<Region>();
  region->push_back(new Block);
  return region;
}

/// Ends the current block with a yield of `tensors`.
SmallVector<Type> yield(GraphState &state, const char *name, const TensorList &tensors,
                        Location at) {
  SmallVector<Value> values;
  for (size_t i = 0; i < tensors.size(); ++i)
    values.push_back(state.use({tensors[i], "result " + std::to_string(i)}, name, at));
  state.emitKnown("yield", values, {}, {}, {}, at);
  return SmallVector<Type>(ValueRange(values).getTypes());
}

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

void checkCarries(const TensorList &inits, const TensorList &carries, Location at) {
  if (inits.size() != carries.size())
    throw Error("scan: " + std::to_string(inits.size()) + " carries start, but the body gives " +
                    std::to_string(carries.size()),
                at);
  for (size_t i = 0; i < inits.size(); ++i)
    if (!(inits[i].type(at) == carries[i].type(at)))
      throw Error("scan: carry " + std::to_string(i) + " starts as " + inits[i].type().str() +
                      ", but the body gives " + carries[i].type().str(),
                  at, {noteOn({inits[i], "the start"}), noteOn({carries[i], "the body's"})});
}

StatePtr sharedState(const char *name, const TensorList &tensors, Location at) {
  std::vector<Arg> args;
  for (const Tensor &tensor : tensors) args.push_back(Arg(tensor, at));
  if (args.empty()) throw Error(std::string(name) + ": there is neither a carry nor an input", at);
  return build::stateOf(name, args);
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
    checkCarries(inits, step.carries, at);
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
