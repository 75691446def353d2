// Reductions, positions of extremes and cumulative sums.
#include "frontend/import/onnx/node.h"

namespace weir::onnx {
namespace {

/// The dims that a reduction takes; all by default. `none`: with no axes given it does nothing.
struct Reduced {
  Dims dims;
  bool keep;
  bool none = false;
};

Reduced reduced(Node &node, int64_t since) {
  node.expectOperands(1, 2);
  const std::optional<Shape> axes = node.axes(since, 1);
  Reduced r{Dims(), node.flag("keepdims", true)};
  if (axes && !axes->empty())
    r.dims = Dims(*axes);
  else
    r.none = node.flag("noop_with_empty_axes");
  return r;
}

Tensor sumOf(const Tensor &x, const Reduced &r) {
  return r.none ? x : reduceSum(x, r.dims, r.keep);
}

TensorList reduceSumRule(Node &node) {
  return {sumOf(node[0], reduced(node, 13))};
}

template <Tensor (*function)(Arg, Dims, bool), Tensor (*onBooleans)(Arg, Dims, bool)>
TensorList reduceExtreme(Node &node) {
  const Reduced r = reduced(node, 18);
  const Tensor x = node[0];
  if (r.none) return {x};
  return {x.dtype() == i1 ? onBooleans(x, r.dims, r.keep) : function(x, r.dims, r.keep)};
}

TensorList reduceProdRule(Node &node) {
  const Reduced r = reduced(node, 18);
  return {r.none ? node[0] : reduceProd(node[0], r.dims, r.keep)};
}

TensorList reduceMean(Node &node) {
  const Reduced r = reduced(node, 18);
  const Tensor x = node[0];
  if (r.none) return {x};
  if (runtime::isFloat(x.dtype())) return {weir::mean(x, r.dims, r.keep)};
  const Tensor sum = reduceSum(x, r.dims, r.keep);
  return {sum / (x.size() / std::max<int64_t>(1, sum.size()))};
}

TensorList reduceL1(Node &node) {
  const Tensor x = node[0];
  return {sumOf(runtime::isUnsigned(x.dtype()) ? x : abs(x), reduced(node, 18))};
}

TensorList reduceL2(Node &node) {
  const Tensor x = node[0];
  const Reduced r = reduced(node, 18);
  if (runtime::isFloat(x.dtype())) return {sqrt(sumOf(square(x), r))};
  return {convert(sqrt(sumOf(square(convert(x, f64)), r)), x.dtype())};
}

TensorList reduceLogSum(Node &node) {
  const Tensor x = node[0];
  const Reduced r = reduced(node, 18);
  if (runtime::isFloat(x.dtype())) return {log(sumOf(x, r))};
  return {convert(log(convert(sumOf(x, r), f64)), x.dtype())};
}

TensorList reduceLogSumExp(Node &node) {
  const Reduced r = reduced(node, 18);
  const DType dtype = node[0].dtype();
  if (r.none) return {node[0]};
  const Tensor x = runtime::isFloat(dtype) ? node[0] : convert(node[0], f64);
  const Tensor top = reduceMax(x, r.dims, true);
  const Tensor shift = select(isFinite(top), top, zerosLike(top));
  Tensor y = log(reduceSum(exp(x - shift), r.dims, true)) + shift;
  if (!r.keep) y = reshape(y, reduceMax(x, r.dims, false).shape());
  return {y.dtype() == dtype ? y : convert(y, dtype)};
}

TensorList reduceSumSquare(Node &node) {
  return {sumOf(square(node[0]), reduced(node, 18))};
}

template <Tensor (*function)(Arg, int64_t)> TensorList position(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", 0), x.rank());
  const bool last = node.flag("select_last_index");
  Tensor at = convert(function(last ? reverse(x, {axis}) : x, axis), i64);
  if (last) at = x.dim(axis) - 1 - at;
  return {node.flag("keepdims", true) ? expandDims(at, axis) : at};
}

/// `exclusive`: element i combines those before i only.
template <Tensor (*function)(Arg, int64_t, bool), int start> TensorList cumulative(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.ints(1, "the axis").at(0), x.rank());
  const bool reversed = node.flag("reverse");
  const Tensor y = function(x, axis, reversed);
  if (!node.flag("exclusive") || x.dim(axis) == 0) return {y};
  Shape shape = x.shape();
  shape[static_cast<size_t>(axis)] = 1;
  const Tensor first = node.graph.full(shape, start, x.dtype());
  const int64_t size = x.dim(axis);
  return {reversed ? concatenate({sliceDim(y, axis, 1, size), first}, axis)
                   : concatenate({first, sliceDim(y, axis, 0, size - 1)}, axis)};
}

} // namespace

void addReductionRules(Rules &rules) {
  const Rules own = {
      {"ArgMax", position<argmax>},
      {"ArgMin", position<argmin>},
      {"CumProd", cumulative<cumprod, 1>},
      {"CumSum", cumulative<cumsum, 0>},
      {"ReduceL1", reduceL1},
      {"ReduceL2", reduceL2},
      {"ReduceLogSum", reduceLogSum},
      {"ReduceLogSumExp", reduceLogSumExp},
      {"ReduceMax", reduceExtreme<reduceMax, reduceOr>},
      {"ReduceMean", reduceMean},
      {"ReduceMin", reduceExtreme<reduceMin, reduceAnd>},
      {"ReduceProd", reduceProdRule},
      {"ReduceSum", reduceSumRule},
      {"ReduceSumSquare", reduceSumSquare},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
