// Convolution, unfold and fold: defaults, and the layouts and groups that are transposes and
// reshapes around the primitive. No MLIR here.
#include "frontend/build/emit.h"

#include <numeric>

namespace weir {

using namespace build;

namespace {

std::vector<int64_t> orAll(std::vector<int64_t> list, int64_t value, int64_t count) {
  if (list.empty()) list.assign(static_cast<size_t>(std::max<int64_t>(0, count)), value);
  return list;
}

/// x's dims in the order batch, feature, spatial...: where each is in x.
std::vector<int64_t> orderOf(std::vector<int64_t> dims, const Operand &x, const Arg &arg) {
  const int64_t rank = x.tensor.rank(arg.at);
  if (rank < 2)
    throw Error("conv: " + x.label + " has rank " + std::to_string(rank) +
                    ", but must have at least two dims",
                arg.at, {noteOn(x)});
  if (dims.empty()) {
    dims.resize(static_cast<size_t>(rank));
    std::iota(dims.begin(), dims.end(), 0);
  }
  for (int64_t &dim : dims) dim = normalizeDim("conv", dim, arg, x.tensor);
  return dims;
}

bool isIdentity(const std::vector<int64_t> &order) {
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Tensor ordered(const Tensor &x, const std::vector<int64_t> &order, Location at) {
  return isIdentity(order) ? x : transpose(Arg(x, at), order);
}

/// Dim `dim` as two, the first of size `count`; an Error that names `what` where it does not
/// divide.
Tensor splitDim(const Operand &x, size_t dim, int64_t count, const char *what, Location at) {
  Shape shape = x.tensor.shape(at);
  if (count < 1 || shape[dim] % count != 0)
    throw Error("conv: " + std::to_string(shape[dim]) + " " + what + " do not divide into " +
                    std::to_string(count) + " groups",
                at, {noteOn(x)});
  shape[dim] /= count;
  shape.insert(shape.begin() + static_cast<int64_t>(dim), count);
  return reshape(Arg(x.tensor, at), shape);
}

} // namespace

Tensor convolution(Arg lhs, Arg rhs, ConvolutionWindow window) {
  stateOf("convolution", {lhs, rhs});
  Operand l{tensorOf("convolution", lhs, "lhs"), "lhs"},
      r{tensorOf("convolution", rhs, "rhs"), "rhs"};
  const int64_t spatial = l.tensor.rank(lhs.at) - 3;
  return emit("convolution", {l, r},
              {{"strides", orAll(window.strides, 1, spatial)},
               {"low", orAll(window.low, 0, spatial)},
               {"high", orAll(window.high, 0, spatial)},
               {"lhs_dilation", orAll(window.lhsDilation, 1, spatial)},
               {"rhs_dilation", orAll(window.rhsDilation, 1, spatial)}},
              lhs.at);
}

Tensor conv(Arg lhs, Arg rhs, ConvOptions options) {
  const Location at = lhs.at;
  stateOf("conv", {lhs, rhs});
  Operand l{tensorOf("conv", lhs, "lhs"), "lhs"}, r{tensorOf("conv", rhs, "rhs"), "rhs"};
  if (options.groups != 1 && options.batchGroups != 1)
    throw Error("conv: groups is " + std::to_string(options.groups) + " and batchGroups is " +
                    std::to_string(options.batchGroups) + ", but one of them must be 1",
                at);
  l.tensor = ordered(l.tensor, orderOf(options.lhsDims, l, lhs), at);
  r.tensor = ordered(r.tensor, orderOf(options.rhsDims, r, rhs), at);
  const bool byBatch = options.batchGroups != 1;
  const int64_t groups = byBatch ? options.batchGroups : options.groups;
  Operand grouped{splitDim(l, byBatch ? 0 : 1, groups, byBatch ? "batch entries" : "features", at),
                  "lhs"};
  if (byBatch) { // [G, N, C, ...] -> [N, G, C, ...]
    std::vector<int64_t> swap(grouped.tensor.shape(at).size());
    std::iota(swap.begin(), swap.end(), 0);
    std::swap(swap[0], swap[1]);
    grouped.tensor = transpose(Arg(grouped.tensor, at), swap);
  }
  Tensor filters = splitDim(r, 0, groups, "outputs", at);
  Tensor out = convolution(Arg(grouped.tensor, at), Arg(filters, at), options.window);
  Shape shape = out.shape(at); // [N, G, O, ...]
  shape[1] *= shape[2];
  shape.erase(shape.begin() + 2);
  Operand result{reshape(Arg(out, at), shape), "result"};
  std::vector<int64_t> order = orderOf(options.outDims, result, Arg(result.tensor, at));
  std::vector<int64_t> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[static_cast<size_t>(order[i])] = int64_t(i);
  return ordered(result.tensor, inverse, at);
}

Tensor unfold(Arg x, Arg value, Windows windows) {
  Operand operand{tensorOf("unfold", x), "operand"};
  Tensor outside = value.kind == Arg::IsTensor ? value.tensor
                                               : numberAs(stateOf("unfold", {x}), "unfold", value,
                                                          {operand.tensor.dtype(x.at), {}});
  for (int64_t &dim : windows.dims) dim = normalizeDim("unfold", dim, x, operand.tensor);
  const auto count = static_cast<int64_t>(windows.dims.size());
  return emit("unfold", {operand, {outside, "value"}},
              {{"dims", windows.dims},
               {"window", windows.sizes},
               {"strides", orAll(windows.strides, 1, count)},
               {"dilations", orAll(windows.dilations, 1, count)},
               {"low", orAll(windows.low, 0, count)},
               {"high", orAll(windows.high, 0, count)}},
              x.at);
}

Tensor fold(Arg x, Windows windows, std::vector<int64_t> shape) {
  Operand operand{tensorOf("fold", x), "operand"};
  const auto count = static_cast<int64_t>(windows.dims.size());
  return emit("fold", {operand},
              {{"dims", windows.dims},
               {"sizes", shape},
               {"strides", orAll(windows.strides, 1, count)},
               {"dilations", orAll(windows.dilations, 1, count)},
               {"low", orAll(windows.low, 0, count)}},
              x.at);
}

} // namespace weir
