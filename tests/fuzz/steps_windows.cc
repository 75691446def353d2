// Convolutions, unfold and fold with windows that reach outside, leave elements out or do not fit.
#include "tests/fuzz/random_graph.h"

namespace weir::testing {

using Dims = RandomGraph::Dims;

static int64_t product(llvm::ArrayRef<int64_t> sizes) {
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  return n;
}

static int64_t positions(int64_t size, int64_t low, int64_t high, int64_t window, int64_t stride,
                         int64_t dilation) {
  int64_t room = size + low + high - (window - 1) * dilation - 1;
  return room < 0 ? 0 : room / stride + 1;
}

/// `x` as [N, G, C, spatial...]: its last dims are spatial.
static Dims imageShape(RandomGraph &g, const Known &x) {
  Dims shape(x.shape());
  int64_t leading = std::max<int64_t>(0, x.rank() - 2);
  while (leading < 3) shape.insert(shape.begin() + g.rng.below(leading + 1), 1), ++leading;
  return shape;
}

static bool convolution(RandomGraph &g) {
  auto x = g.pick(
      [](const Known &k) { return !k.isBool() && k.rank() > 0 && k.rank() < 5 && k.size() > 0; });
  if (!x) return false;
  Dims shape = imageShape(g, *x), rhs = {shape[1], 1 + g.rng.below(5), shape[2]};
  Dims strides, low, high, lhsDilation, rhsDilation;
  int64_t results = shape[0] * shape[1] * rhs[1];
  for (size_t d = 3; d < shape.size(); ++d) {
    rhs.push_back(1 + g.rng.below(3));
    strides.push_back(1 + g.rng.below(2));
    low.push_back(g.rng.below(4) - 1);
    high.push_back(g.rng.below(4) - 1);
    lhsDilation.push_back(g.rng.chance(0.8) ? 1 : 2);
    rhsDilation.push_back(g.rng.chance(0.8) ? 1 : 2);
    int64_t dilated = (shape[d] - 1) * lhsDilation.back() + 1;
    results *=
        positions(dilated, low.back(), high.back(), rhs[d], strides.back(), rhsDilation.back());
  }
  if (results > kMaxElements || product(rhs) > kMaxElements) return false;
  mlir::Value image = x->value;
  if (x->shape() != llvm::ArrayRef<int64_t>(shape)) image = g.op<ir::ReshapeOp>(image, shape);
  Known window = g.valueOf(g.typeOf(rhs, x->dtype()));
  mlir::Value result =
      g.op<ir::ConvolutionOp>(image, window.value, strides, low, high, lhsDilation, rhsDilation);
  g.add(result, x->magnitude * window.magnitude * product(rhs) / rhs[0] / rhs[1],
        x->isInt() && x->exact && window.exact);
  return true;
}

static bool unfold(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return k.rank() > 0 && k.rank() < 4; });
  if (!x) return false;
  Dims dims, window, strides, dilations, low, high, shape(x->shape());
  for (int64_t d = x->rank() - 1; d >= 0; --d) {
    if (dims.size() == 2 || (d > 0 && g.rng.chance(0.4))) continue;
    dims.push_back(d);
    window.push_back(1 + g.rng.below(3));
    strides.push_back(1 + g.rng.below(2));
    dilations.push_back(g.rng.chance(0.8) ? 1 : 2);
    low.push_back(g.rng.below(4) - 1);
    high.push_back(g.rng.below(4) - 1);
    shape[d] = positions(shape[d], low.back(), high.back(), window.back(), strides.back(),
                         dilations.back());
  }
  if (product(shape) * product(window) > kMaxElements) return false;
  Known value = g.valueOf(g.typeOf({}, x->dtype()));
  g.add(g.op<ir::UnfoldOp>(x->value, value.value, dims, window, strides, dilations, low, high),
        std::max(x->magnitude, value.magnitude), x->exact && value.exact);
  return true;
}

/// The last dim is a window along another one.
static bool fold(RandomGraph &g) {
  auto x = g.pick([](const Known &k) { return !k.isBool() && k.rank() > 1 && k.size() > 0; });
  if (!x) return false;
  int64_t dim = g.rng.below(x->rank() - 1), stride = 1 + g.rng.below(2), low = g.rng.below(3) - 1;
  int64_t dilation = g.rng.chance(0.8) ? 1 : 2, window = x->shape().back();
  int64_t span = (x->shape()[dim] - 1) * stride + (window - 1) * dilation + 1;
  int64_t size = std::max<int64_t>(0, span - low + g.rng.below(4) - 1);
  if (x->size() / x->shape()[dim] / window * size > kMaxElements) return false;
  g.add(g.op<ir::FoldOp>(x->value, Dims{dim}, Dims{size}, Dims{stride}, Dims{dilation}, Dims{low}),
        x->magnitude * window, x->isInt() && x->exact);
  return true;
}

std::vector<WeightedStep> windowSteps() {
  return {{1.5, convolution}, {1, unfold}, {1, fold}};
}

} // namespace weir::testing
