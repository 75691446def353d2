// Normalisation over channels, groups, layers and neighbours.
#include "frontend/import/onnx/windows.h"

#include <algorithm>

namespace weir::onnx {
namespace {

/// x with mean 0 and variance 1 over `dims`, with the mean and 1 / standard deviation.
struct Normal {
  Tensor y, mean, inverse;
};

Normal normalized(const Tensor &x, const std::vector<int64_t> &dims, double epsilon) {
  const Tensor m = mean(x, dims, true), centred = x - m;
  const Tensor inverse = rsqrt(mean(square(centred), dims, true) + epsilon);
  return {centred * inverse, m, inverse};
}

TensorList batchNormalization(Node &node) {
  node.expectOperands(5, 5);
  const Tensor x = node[0];
  const double epsilon = node.real("epsilon", 1e-5);
  const bool training = node.version >= 14 ? node.flag("training_mode")
                                           : node.version < 7 && !node.flag("is_test", true);
  if (x.rank() < 2) node.fail("needs [n, channels, spatial...]");
  auto channels = [&](const Tensor &t) {
    return perChannel(t.dtype() == x.dtype() ? t : convert(t, x.dtype()), x.rank());
  };
  const Tensor scale = channels(node[1]), shift = channels(node[2]);
  if (!training) {
    const Tensor inverse = rsqrt(channels(node[4]) + epsilon);
    return {(x - channels(node[3])) * (inverse * scale) + shift};
  }
  const std::vector<int64_t> dims = joined({0}, part(upTo(x.rank()), 2));
  const Tensor batchMean = mean(x, dims), batchVariance = variance(x, dims);
  const Tensor y = (x - channels(batchMean)) * rsqrt(channels(batchVariance) + epsilon);
  const double momentum = node.real("momentum", 0.9);
  auto moved = [&](const Tensor &running, const Tensor &batch) {
    return running * momentum + convert(batch, running.dtype()) * (1 - momentum);
  };
  return {y * scale + shift, moved(node[3], batchMean), moved(node[4], batchVariance)};
}

TensorList instanceNormalization(Node &node) {
  node.expectOperands(3, 3);
  const Tensor x = node[0];
  if (x.rank() < 3) node.fail("needs [n, channels, spatial...]");
  const Normal n = normalized(x, part(upTo(x.rank()), 2), node.real("epsilon", 1e-5));
  return {n.y * perChannel(node[1], x.rank()) + perChannel(node[2], x.rank())};
}

/// The dims from `axis` on; computed in f32 where the model says so.
TensorList layerNormalization(Node &node) {
  node.expectOperands(2, 3);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", -1), x.rank());
  const DType stash = node.dtype(node.integer("stash_type", 1));
  const Tensor wide = x.dtype() == f64 ? x : convert(x, stash);
  const Normal n = normalized(wide, part(upTo(x.rank()), axis), node.real("epsilon", 1e-5));
  Tensor y = convert(n.y, x.dtype()) * node[1];
  if (node.has(2)) y = y + node[2];
  return {y, n.mean, n.inverse};
}

TensorList rmsNormalization(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", -1), x.rank());
  const DType stash = node.dtype(node.integer("stash_type", 1));
  const Tensor wide = x.dtype() == f64 ? x : convert(x, stash);
  const Tensor squares = mean(square(wide), part(upTo(x.rank()), axis), true);
  return {convert(wide * rsqrt(squares + node.real("epsilon", 1e-5)), x.dtype()) * node[1]};
}

TensorList groupNormalization(Node &node) {
  node.expectOperands(3, 3);
  const Tensor x = node[0];
  const int64_t groups = node.integer("num_groups");
  if (x.rank() < 2 || groups < 1 || x.dim(1) % groups != 0)
    node.fail("channels do not divide into groups");
  const Shape shape = joined({x.dim(0), groups, x.dim(1) / groups}, part(x.shape(), 2));
  const Normal n = normalized(widened(reshape(x, shape)), part(upTo(x.rank() + 1), 2),
                              node.real("epsilon", 1e-5));
  // Before opset 21 one scale a group.
  const bool eachGroup = node.version < 21 && node[1].size() == groups;
  auto laid = [&](const Tensor &t) {
    return eachGroup ? perChannel(t, x.rank() + 1)
                     : reshape(perChannel(t, x.rank()),
                               joined({1, groups, x.dim(1) / groups}, Shape(shape.size() - 3, 1)));
  };
  return {reshape(convert(n.y, x.dtype()) * laid(node[1]) + laid(node[2]), x.shape())};
}

TensorList lpNormalization(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", -1), x.rank()), p = node.integer("p", 2);
  if (p != 1 && p != 2) node.fail("p must be 1 or 2");
  const Tensor length =
      p == 1 ? reduceSum(abs(x), axis, true) : sqrt(reduceSum(square(x), axis, true));
  return {x / select(length == 0, onesLike(length), length)};
}

TensorList meanVariance(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  Shape axes = node.has("axes") ? node.ints("axes") : Shape{0, 2, 3};
  for (int64_t &axis : axes) axis = node.dim(axis, x.rank());
  const Tensor m = mean(x, axes, true);
  const Tensor deviation = sqrt(mean(square(x), axes, true) - square(m));
  return {(x - m) / (deviation + 1e-9)};
}

/// Divided by a power of the squares of the neighbouring channels.
TensorList localResponse(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t size = node.integer("size");
  if (x.rank() < 2 || size < 1) node.fail("needs [n, channels, spatial...] and a size");
  const double alpha = node.real("alpha", 1e-4), beta = node.real("beta", 0.75);
  const Tensor windows = unfold(square(x), node.graph.scalar(0, x.dtype()),
                                {{1}, {size}, {1}, {1}, {(size - 1) / 2}, {size / 2}});
  const Tensor sum = reduceSum(windows, windows.rank() - 1);
  return {x / pow(sum * (alpha / static_cast<double>(size)) + node.real("bias", 1.0), beta)};
}

} // namespace

void addNormalizationRules(Rules &rules) {
  const Rules own = {
      {"BatchNormalization", batchNormalization},       {"GroupNormalization", groupNormalization},
      {"InstanceNormalization", instanceNormalization}, {"LRN", localResponse},
      {"LayerNormalization", layerNormalization},       {"LpNormalization", lpNormalization},
      {"MeanVarianceNormalization", meanVariance},      {"RMSNormalization", rmsNormalization},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
