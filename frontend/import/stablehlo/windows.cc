// reduce_window and select_and_scatter: windows are unfolded and then reduced, or folded back.
// A window over all that came before is a cumulative op.
#include "frontend/import/stablehlo/combiner.h"

#include <algorithm>

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// The attributes of a windowed op, one entry for each dim.
struct WindowAttributes {
  Dims64 sizes, strides, baseDilations, dilations, low, high;
};

WindowAttributes windowsOf(const Op &op, size_t rank) {
  WindowAttributes w;
  w.sizes = op.ints("window_dimensions", rank);
  w.strides = op.ints("window_strides", rank, 1);
  w.baseDilations = op.ints("base_dilations", rank, 1);
  w.dilations = op.ints("window_dilations", rank, 1);
  std::tie(w.low, w.high) = op.padding(rank);
  for (size_t d = 0; d < rank; ++d)
    if (w.sizes[d] < 1 || w.strides[d] < 1 || w.baseDilations[d] < 1 || w.dilations[d] < 1)
      op.fail("window sizes, strides and dilations must be positive");
  return w;
}

/// Whether dim d is touched at all.
bool isWindowed(const WindowAttributes &w, size_t d) {
  return w.sizes[d] != 1 || w.strides[d] != 1 || w.low[d] != 0 || w.high[d] != 0;
}

/// The windowed dims only, as unfold and fold take them.
Windows windowedDims(const WindowAttributes &w) {
  Windows windows;
  for (size_t d = 0; d < w.sizes.size(); ++d) {
    if (!isWindowed(w, d)) continue;
    windows.dims.push_back(static_cast<int64_t>(d));
    windows.sizes.push_back(w.sizes[d]);
    windows.strides.push_back(w.strides[d]);
    windows.dilations.push_back(w.dilations[d]);
    windows.low.push_back(w.low[d]);
    windows.high.push_back(w.high[d]);
  }
  return windows;
}

struct Cumulative {
  int64_t dim;
  bool reverse;
};

/// One dim, whose window is all of it, padded on one side only.
std::optional<Cumulative> cumulativeOf(const WindowAttributes &w, const Shape &shape) {
  std::optional<Cumulative> found;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (w.baseDilations[d] != 1 || w.dilations[d] != 1 || w.strides[d] != 1) return std::nullopt;
    if (!isWindowed(w, d)) continue;
    const bool forward = w.low[d] == shape[d] - 1 && w.high[d] == 0,
               backward = w.high[d] == shape[d] - 1 && w.low[d] == 0;
    if (found || w.sizes[d] != shape[d] || !(forward || backward)) return std::nullopt;
    found = {static_cast<int64_t>(d), !forward};
  }
  return found;
}

std::optional<Tensor> cumulative(Combiner combiner, const Tensor &x, Cumulative c) {
  switch (combiner) {
  case Combiner::Sum:
    return cumsum(x, c.dim, c.reverse);
  case Combiner::Prod:
    return cumprod(x, c.dim, c.reverse);
  case Combiner::Max:
    return cummax(x, c.dim, c.reverse);
  case Combiner::Min:
    return cummin(x, c.dim, c.reverse);
  default:
    return std::nullopt;
  }
}

/// Dims of x from `first` on.
Dims64 lastDims(const Tensor &x, size_t first) {
  Dims64 dims;
  for (auto d = static_cast<int64_t>(first); d < x.rank(); ++d) dims.push_back(d);
  return dims;
}

/// [out..., windows...] -> [windows flattened, out...].
Tensor windowsFirst(const Tensor &x, size_t outRank) {
  Dims64 order = lastDims(x, outRank);
  Shape shape{1};
  for (int64_t d : order) shape[0] *= x.dim(d);
  for (size_t d = 0; d < outRank; ++d) {
    order.push_back(static_cast<int64_t>(d));
    shape.push_back(x.shape()[d]);
  }
  return reshape(transpose(x, order), shape);
}

Tensor unfolded(const Tensor &x, const Tensor &init, const WindowAttributes &w) {
  Tensor base = x;
  if (std::any_of(w.baseDilations.begin(), w.baseDilations.end(),
                  [](int64_t d) { return d > 1; })) {
    Dims64 none(w.sizes.size(), 0), interior = w.baseDilations;
    for (int64_t &d : interior) --d;
    base = pad(x, init, none, none, interior);
  }
  Windows windows = windowedDims(w);
  return windows.dims.empty() ? base : unfold(base, init, windows);
}

/// The largest (smallest) element of each window, flattened: where several are, the first one,
/// which alone has a derivative then, as in JAX.
Tensor pickExtreme(const Tensor &windows, size_t outRank, bool largest) {
  Shape flat(windows.shape().begin(), windows.shape().begin() + static_cast<int64_t>(outRank));
  flat.push_back(-1);
  const Tensor candidates = reshape(windows, flat);
  const auto last = static_cast<int64_t>(outRank);
  return gather(candidates, largest ? argmax(candidates, last) : argmin(candidates, last), last,
                last);
}

Tensor reduceWindows(Combiner combiner, const Tensor &windows, size_t outRank) {
  const Dims64 dims = lastDims(windows, outRank);
  if (dims.empty()) return windows;
  if (runtime::isFloat(windows.dtype()) && (combiner == Combiner::Max || combiner == Combiner::Min))
    return pickExtreme(windows, outRank, combiner == Combiner::Max);
  return reduce(combiner, windows, dims);
}

TensorList reduceWindow(Op &op) {
  const size_t count = op.size() / 2;
  if (count == 0) op.fail("needs operands");
  op.expectOperands(2 * count);
  const TensorList xs = op.operands(0, count), inits = op.operands(count, count);
  const size_t rank = xs[0].shape().size();
  for (const Tensor &x : xs)
    if (x.shape() != xs[0].shape()) op.fail("operands have different shapes");
  const WindowAttributes w = windowsOf(op, rank);
  std::optional<Combiner> combiner = combinerOf(op.region(0));
  if (count == 1 && combiner && *combiner < Combiner::Second) {
    std::optional<Tensor> result;
    if (auto c = cumulativeOf(w, xs[0].shape())) result = cumulative(*combiner, xs[0], *c);
    if (!result) result = reduceWindows(*combiner, unfolded(xs[0], inits[0], w), rank);
    if (!isIdentity(*combiner, op.operation()->getOperand(1)))
      result = combine(*combiner, fill(inits[0], result->shape()), *result);
    return {*result};
  }
  TensorList slices;
  for (size_t i = 0; i < count; ++i)
    slices.push_back(windowsFirst(unfolded(xs[i], inits[i], w), rank));
  return scanReduce(op, op.region(0), slices, inits);
}

// ---- select_and_scatter ----

/// The direction in which the select region compares the chosen element with the next.
std::string selection(Op &op) {
  Region &region = op.region(0);
  if (region.hasOneBlock() && onlyCompares(region) && constantsIn(region).empty()) {
    const DType dtype = op.narrowOperand(0).dtype;
    auto scalar = [&](int64_t x) { return Scalar{dtype, x, static_cast<double>(x)}; };
    for (const char *direction : {"GE", "GT", "LE", "LT"}) {
      bool fits = true;
      for (auto [a, b] : {std::pair<int64_t, int64_t>(1, 2), {2, 1}, {1, 1}}) {
        auto got = evaluateRegion(region, {scalar(a), scalar(b)});
        fits = fits && got && got->size() == 1 && (*got)[0].dtype == i1 &&
               ((*got)[0].integer != 0) == *compareScalars(scalar(a), scalar(b), direction, false);
      }
      if (fits) return direction;
    }
  }
  op.fail("selects by a region other than one comparison of its two values");
}

TensorList selectAndScatter(Op &op) {
  op.expectOperands(3);
  const Tensor x = op.operand(0), source = op.operand(1), init = op.operand(2);
  const size_t rank = x.shape().size();
  const WindowAttributes w = windowsOf(op, rank);
  const std::string direction = selection(op);
  if (combinerOf(op.region(1)) != Combiner::Sum)
    op.fail("scatters by a region other than a sum; only sums are supported");
  const bool largest = direction[0] == 'G', keepsFirst = direction[1] == 'E';
  const Windows windows = windowedDims(w);
  const Tensor all = unfolded(x, extreme(x.graph(), x.dtype(), !largest), w);
  Shape flat(all.shape().begin(), all.shape().begin() + static_cast<int64_t>(rank));
  if (source.shape() != flat)
    op.fail("the source is " + source.type().str() + ", not one element a window");
  int64_t count = 1;
  for (int64_t d : lastDims(all, rank)) count *= all.dim(d);
  flat.push_back(count);
  Tensor candidates = reshape(all, flat);
  if (!keepsFirst) candidates = reverse(candidates, {-1});
  Tensor chosen = largest ? argmax(candidates, -1) : argmin(candidates, -1);
  if (!keepsFirst) chosen = (count - 1) - chosen;
  // One window element gets the source, the others nothing; the fold sums what windows share.
  const Tensor isChosen = expandDims(chosen, -1) == x.graph().iota(i32, {count});
  Tensor parts = select(isChosen, expandDims(source, -1), zerosLike(expandDims(source, -1)));
  parts = reshape(parts, all.shape());
  Dims64 sizes;
  for (int64_t d : windows.dims) sizes.push_back(x.dim(d));
  const Tensor result = windows.dims.empty() ? parts : fold(parts, windows, sizes);
  return {isIdentity(Combiner::Sum, op.operation()->getOperand(2))
              ? result
              : result + fill(init, result.shape())};
}

} // namespace

void addWindowRules(Rules &rules) {
  rules.insert({"stablehlo.reduce_window", {reduceWindow}});
  rules.insert({"stablehlo.select_and_scatter", {selectAndScatter}});
}

} // namespace weir::stablehlo
