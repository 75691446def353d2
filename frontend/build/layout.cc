// Layout functions and reductions: negative dims, defaults and inferred sizes are settled here. No
// MLIR here.
#include "frontend/build/emit.h"

#include <algorithm>
#include <numeric>

namespace weir {

using namespace build;

namespace build {

int64_t normalizeDim(std::string_view name, int64_t dim, const Arg &x, const Tensor &tensor) {
  const int64_t rank = tensor.rank(x.at);
  if (dim >= -rank && dim < rank) return dim < 0 ? dim + rank : dim;
  throw Error(std::string(name) + ": dim " + std::to_string(dim) + " of a tensor of rank " +
                  std::to_string(rank),
              x.at, {noteOn({tensor, "operand"})});
}

} // namespace build

namespace {

Operand operandOf(std::string_view name, const Arg &x) {
  Operand operand{tensorOf(name, x), "operand"};
  operand.tensor.type(x.at);
  return operand;
}

std::vector<int64_t> normalizeAll(std::string_view name, const Dims &dims, const Arg &x) {
  const Tensor tensor = operandOf(name, x).tensor;
  std::vector<int64_t> list = dims.list;
  if (dims.all) {
    list.resize(static_cast<size_t>(tensor.rank(x.at)));
    std::iota(list.begin(), list.end(), 0);
  }
  for (int64_t &dim : list) dim = normalizeDim(name, dim, x, tensor);
  std::sort(list.begin(), list.end());
  return list;
}

/// Shape with `dims` of size 1 put back.
Tensor restoreDims(const Tensor &reduced, Shape shape, const std::vector<int64_t> &dims,
                   Location at) {
  for (int64_t dim : dims) shape[static_cast<size_t>(dim)] = 1;
  return emit("reshape", {{reduced, "operand"}}, {{"shape", shape}}, at);
}

Tensor reduce(std::string_view name, const Arg &x, const Dims &dims, bool keepDims) {
  Operand operand = operandOf(name, x);
  std::vector<int64_t> list = normalizeAll(name, dims, x);
  Tensor reduced = emit(name, {operand}, {{"dims", list}}, x.at);
  return keepDims ? restoreDims(reduced, operand.tensor.shape(x.at), list, x.at) : reduced;
}

double countOf(const Tensor &x, const std::vector<int64_t> &dims, Location at) {
  double count = 1;
  for (int64_t dim : dims) count *= static_cast<double>(x.shape(at)[static_cast<size_t>(dim)]);
  return count;
}

} // namespace

// ---- Layout ----

Tensor broadcastTo(Arg x, Shape shape) {
  Operand operand = operandOf("broadcastTo", x);
  const Shape &from = operand.tensor.shape(x.at);
  bool fits = from.size() <= shape.size();
  for (size_t back = 1; fits && back <= from.size(); ++back)
    fits = from[from.size() - back] == 1 || from[from.size() - back] == shape[shape.size() - back];
  if (!fits)
    throw Error("broadcastTo: " + operand.tensor.type().str() + " does not broadcast to " +
                    TensorType{operand.tensor.dtype(), shape}.str(),
                x.at, {noteOn(operand)});
  return stretch(operand.tensor, shape, x.at);
}

Tensor broadcast(Arg x, Shape shape, std::vector<int64_t> dims) {
  return emit("broadcast", {operandOf("broadcast", x)}, {{"shape", shape}, {"dims", dims}}, x.at);
}

Tensor reshape(Arg x, Shape shape) {
  Operand operand = operandOf("reshape", x);
  auto open = std::find(shape.begin(), shape.end(), -1);
  if (open != shape.end()) {
    int64_t rest = 1;
    for (int64_t size : shape) rest *= size == -1 ? 1 : size;
    // What does not divide is left for the op's own check to report, with both counts.
    *open = rest > 0 ? operand.tensor.size(x.at) / rest : 0;
  }
  if (shape == operand.tensor.shape(x.at)) return operand.tensor;
  return emit("reshape", {operand}, {{"shape", shape}}, x.at);
}

Tensor expandDims(Arg x, int64_t dim) {
  Operand operand = operandOf("expandDims", x);
  Shape shape = operand.tensor.shape(x.at);
  const int64_t rank = static_cast<int64_t>(shape.size());
  if (dim < -rank - 1 || dim > rank)
    throw Error("expandDims: dim " + std::to_string(dim) + " of a tensor of rank " +
                    std::to_string(rank),
                x.at, {noteOn(operand)});
  shape.insert(shape.begin() + (dim < 0 ? dim + rank + 1 : dim), 1);
  return emit("reshape", {operand}, {{"shape", shape}}, x.at);
}

Tensor squeeze(Arg x, int64_t dim) {
  Operand operand = operandOf("squeeze", x);
  Shape shape = operand.tensor.shape(x.at);
  const auto place = shape.begin() + normalizeDim("squeeze", dim, x, operand.tensor);
  if (*place != 1)
    throw Error("squeeze: dim " + std::to_string(dim) + " is " + std::to_string(*place) + ", not 1",
                x.at, {noteOn(operand)});
  shape.erase(place);
  return emit("reshape", {operand}, {{"shape", shape}}, x.at);
}

Tensor transpose(Arg x, std::vector<int64_t> permutation) {
  Operand operand = operandOf("transpose", x);
  if (permutation.empty())
    for (int64_t dim = operand.tensor.rank(x.at); dim-- > 0;) permutation.push_back(dim);
  for (int64_t &dim : permutation) dim = normalizeDim("transpose", dim, x, operand.tensor);
  return emit("transpose", {operand}, {{"permutation", permutation}}, x.at);
}

Tensor slice(Arg x, std::vector<int64_t> starts, std::vector<int64_t> limits,
             std::vector<int64_t> strides) {
  if (strides.empty()) strides.assign(starts.size(), 1);
  return emit("slice", {operandOf("slice", x)},
              {{"starts", starts}, {"limits", limits}, {"strides", strides}}, x.at);
}

Tensor sliceDim(Arg x, int64_t dim, int64_t start, int64_t limit) {
  Operand operand = operandOf("slice", x);
  std::vector<int64_t> starts(operand.tensor.shape(x.at).size(), 0),
      limits = operand.tensor.shape();
  const auto place = static_cast<size_t>(normalizeDim("slice", dim, x, operand.tensor));
  const int64_t size = limits[place];
  starts[place] = start < 0 ? start + size : start;
  limits[place] = limit < 0 ? limit + size : limit;
  return slice(x, starts, limits);
}

std::vector<Tensor> split(Arg x, int64_t parts, int64_t dim) {
  Operand operand = operandOf("split", x);
  dim = normalizeDim("split", dim, x, operand.tensor);
  const int64_t size = operand.tensor.dim(dim, x.at);
  if (parts < 1 || size % parts != 0)
    throw Error("split: dim " + std::to_string(dim) + " is " + std::to_string(size) +
                    ", which does not divide into " + std::to_string(parts) + " equal parts",
                x.at, {noteOn(operand)});
  std::vector<Tensor> pieces;
  for (int64_t i = 0; i < parts; ++i)
    pieces.push_back(sliceDim(x, dim, i * (size / parts), (i + 1) * (size / parts)));
  return pieces;
}

Tensor pad(Arg x, Arg value, std::vector<int64_t> low, std::vector<int64_t> high,
           std::vector<int64_t> interior) {
  Operand operand = operandOf("pad", x);
  if (interior.empty()) interior.assign(low.size(), 0);
  Tensor scalar = value.kind == Arg::IsTensor ? value.tensor
                                              : numberAs(stateOf("pad", {x}), "pad", value,
                                                         {operand.tensor.dtype(x.at), {}});
  return emit("pad", {operand, {scalar, "value"}},
              {{"low", low}, {"high", high}, {"interior", interior}}, x.at);
}

Tensor concatenate(const std::vector<Tensor> &xs, int64_t dim, Location at) {
  if (xs.empty()) throw Error("concatenate: no tensors", at);
  std::vector<Operand> operands;
  for (size_t i = 0; i < xs.size(); ++i)
    operands.push_back({xs[i], "operand " + std::to_string(i)});
  dim = normalizeDim("concatenate", dim, Arg(xs[0], at), xs[0]);
  return emit("concatenate", operands, {{"dim", dim}}, at);
}

Tensor reverse(Arg x, std::vector<int64_t> dims) {
  return emit("reverse", {operandOf("reverse", x)}, {{"dims", normalizeAll("reverse", dims, x)}},
              x.at);
}

// ---- Reductions ----

#define WEIR_DEFINE_REDUCTION(function, op)                                                        \
  Tensor function(Arg x, Dims dims, bool keepDims) {                                               \
    return reduce(#op, x, dims, keepDims);                                                         \
  }
WEIR_REDUCTION_FUNCTIONS(WEIR_DEFINE_REDUCTION)
#undef WEIR_DEFINE_REDUCTION

Tensor sum(Arg x, Dims dims, bool keepDims) {
  return reduceSum(x, dims, keepDims);
}

Tensor mean(Arg x, Dims dims, bool keepDims) {
  std::vector<int64_t> list = normalizeAll("mean", dims, x);
  const double count = countOf(x.tensor, list, x.at);
  return mul(Arg(reduceSum(x, list, keepDims), x.at), Arg(1 / count, x.at));
}

Tensor variance(Arg x, Dims dims, bool keepDims) {
  CallScope scope(x.at);
  std::vector<int64_t> list = normalizeAll("variance", dims, x);
  return mean(square(x.tensor - mean(x.tensor, list, true)), list, keepDims);
}

Tensor logsumexp(Arg x, int64_t dim, bool keepDims) {
  CallScope scope(x.at);
  const Tensor t = operandOf("logsumexp", x).tensor;
  // The result does not depend on the shift, so neither does its gradient.
  Tensor shift = stopGradient(reduceMax(t, dim, true));
  Tensor result = log(reduceSum(exp(t - shift), dim, true)) + shift;
  return keepDims ? result : squeeze(result, dim);
}

} // namespace weir
