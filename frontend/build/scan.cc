// scan, and what is made of it: repeat, map, scans whose steps are computed again by segments.
#include "frontend/api/checkpoint.h"
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

/// The tensors from `first` on.
std::pair<TensorList, TensorList> splitAt(const TensorList &all, size_t first) {
  const auto at = all.begin() + static_cast<ptrdiff_t>(first);
  return {{all.begin(), at}, {at, all.end()}};
}

TensorList joined(TensorList first, const TensorList &second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// x, with its first dims, `count` of them, replaced by `dims`.
Tensor withFirstDims(const Tensor &x, ptrdiff_t count, const Shape &dims) {
  Shape shape = dims;
  shape.insert(shape.end(), x.shape().begin() + count, x.shape().end());
  return reshape(x, shape);
}

/// A scan over segments, each a scan under checkpoint, and one over the steps that are left.
Scanned scanBySegments(const TensorList &inits, const TensorList &xs, const ScanBody &body,
                       ScanOptions options, int64_t trips, Location at) {
  const int64_t length = options.segment, segments = trips / length, whole = segments * length;
  options.segment = 0;
  auto inner = options, outer = options;
  inner.trips = length;
  outer.trips = segments;
  CallScope scope(at);
  Function segment = checkpoint(Function(
      [&](const TensorList &args) {
        auto [carries, slices] = splitAt(args, inits.size());
        Scanned steps = scan(carries, slices, body, inner, at);
        return joined(steps.carries, steps.ys);
      },
      "segment"));
  TensorList parts, left;
  for (const Tensor &x : xs) {
    parts.push_back(withFirstDims(sliceDim(x, 0, 0, whole), 1, {segments, length}));
    if (whole < trips) left.push_back(sliceDim(x, 0, whole, trips));
  }
  TensorList carries = inits, lastYs;
  auto finish = [&] {
    if (whole == trips) return;
    auto rest = options;
    rest.trips = trips - whole;
    Scanned steps = scan(carries, left, body, rest, at);
    carries = steps.carries;
    lastYs = steps.ys;
  };
  if (options.reverse) finish();
  Scanned all = scan(
      carries, parts,
      [&](const TensorList &carries, const TensorList &slices) {
        auto [next, ys] = splitAt(call(segment, joined(carries, slices), at).all(), inits.size());
        return Scanned{next, ys};
      },
      outer, at);
  carries = all.carries;
  if (!options.reverse) finish();
  for (size_t i = 0; i < all.ys.size(); ++i) {
    all.ys[i] = withFirstDims(all.ys[i], 2, {whole});
    if (whole != trips) all.ys[i] = concatenate({all.ys[i], lastYs[i]}, 0);
  }
  return {carries, all.ys};
}

} // namespace

Scanned scan(const TensorList &inits, const TensorList &xs, const ScanBody &body,
             ScanOptions options, Location at) {
  TensorList all = joined(inits, xs);
  StatePtr state = sharedState("scan", all, at);
  const int64_t trips = tripCount(xs, options, at);
  if (options.segment > 0 && options.segment < trips)
    return scanBySegments(inits, xs, body, options, trips, at);
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
    auto [carries, slices] = splitAt(state->wrapAll(block->getArguments(), at), inits.size());
    Scanned step = body(carries, slices);
    checkCarries("scan", inits, step.carries, at);
    results = yield(*state, "scan", joined(step.carries, step.ys), at);
  }
  for (size_t i = inits.size(); i < results.size(); ++i) results[i] = stacked(results[i], trips);
  OpBuilder b = state->builder();
  auto segments =
      b.getDenseI32ArrayAttr({static_cast<int32_t>(inits.size()), static_cast<int32_t>(xs.size())});
  SmallVector<NamedAttribute> attributes{b.getNamedAttr("trips", b.getI64IntegerAttr(trips)),
                                         b.getNamedAttr("operandSegmentSizes", segments)};
  if (options.reverse) attributes.push_back(b.getNamedAttr("reverse", b.getUnitAttr()));
  Operation *op = state->emitKnown("scan", operands, results, attributes, regions, at);
  auto [carries, ys] = splitAt(state->wrapAll(op->getResults(), at), inits.size());
  transaction.commit();
  return {carries, ys};
}

Scanned scan(const TensorList &inits, const TensorList &xs, const Function &f, ScanOptions options,
             Location at) {
  ScanBody body = [&](const TensorList &carries, const TensorList &slices) {
    TensorList results = call(f, joined(carries, slices), at).all();
    auto [next, ys] = splitAt(results, std::min(carries.size(), results.size()));
    return Scanned{next, ys};
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

TensorList map(const Function &f, const TensorList &xs, Location at) {
  ScanBody each = [&](const TensorList &, const TensorList &slices) {
    return Scanned{{}, call(f, slices, at).all()};
  };
  return scan({}, xs, each, {}, at).ys;
}

} // namespace weir
