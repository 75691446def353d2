// Tensors made from shapes and numbers: ranges, identity matrices, random numbers.
#include "frontend/import/onnx/node.h"

#include <bit>
#include <cmath>

namespace weir::onnx {
namespace {

TensorList constantOfShape(Node &node) {
  node.expectOperands(1, 1);
  const Shape shape = node.ints(0, "the shape");
  if (!node.has("value")) return {node.graph.full(shape, 0, f32)};
  const Array value = node.array("value");
  if (value.size() != 1) node.fail("the value must be one element");
  return {broadcastTo(reshape(node.graph.constant(value), {}), shape)};
}

TensorList rangeRule(Node &node) {
  node.expectOperands(3, 3);
  const Array start = node.array(0, "the start"), limit = node.array(1, "the limit"),
              delta = node.array(2, "the step");
  const double step = delta.at(0);
  if (step == 0) node.fail("the step is 0");
  const double count = std::max(0.0, std::ceil((limit.at(0) - start.at(0)) / step));
  constexpr double most = 1 << 28;
  if (!(count <= most)) node.fail("has too many elements");
  const Tensor index = node.graph.iota(start.dtype(), {static_cast<int64_t>(count)});
  return {index * reshape(node.graph.constant(delta), {}) +
          reshape(node.graph.constant(start), {})};
}

TensorList eyeLike(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  if (x.rank() != 2) node.fail("needs a matrix");
  const Tensor row = node.graph.iota(i64, x.shape(), 0),
               column = node.graph.iota(i64, x.shape(), 1);
  const Tensor on = column - row == node.integer("k", 0);
  return {convert(on, node.has("dtype") ? node.dtype(node.integer("dtype")) : x.dtype())};
}

/// A key from the seed, or from the node's results' name: nodes differ, runs do not.
Tensor keyOf(Node &node) {
  uint64_t bits = 0xcbf29ce484222325u;
  for (char c : node.made.node->output(0)) bits = (bits ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  if (node.has("seed")) bits = std::bit_cast<uint32_t>(static_cast<float>(node.real("seed")));
  return node.graph.constant(
      Array::from<int32_t>({2}, {static_cast<int32_t>(bits), static_cast<int32_t>(bits >> 32)}));
}

TensorType randomType(Node &node, bool like) {
  TensorType type;
  if (like) {
    node.expectOperands(1, 1);
    type = node[0].type();
    if (!runtime::isFloat(type.dtype)) type.dtype = f32;
  } else {
    type.shape = node.ints("shape");
  }
  if (node.has("dtype")) type.dtype = node.dtype(node.integer("dtype"));
  return type;
}

template <bool like> TensorList randomNormal(Node &node) {
  const TensorType type = randomType(node, like);
  return {normal(keyOf(node), type.shape, type.dtype) * node.real("scale", 1.0) +
          node.real("mean", 0.0)};
}

template <bool like> TensorList randomUniform(Node &node) {
  const TensorType type = randomType(node, like);
  const double low = node.real("low", 0.0), high = node.real("high", 1.0);
  return {uniform(keyOf(node), type.shape, type.dtype) * (high - low) + low};
}

TensorList bernoulli(Node &node) {
  node.expectOperands(1, 1);
  const Tensor p = node[0];
  const Tensor drawn = uniform(keyOf(node), p.shape(), p.dtype()) < p;
  return {convert(drawn, node.has("dtype") ? node.dtype(node.integer("dtype")) : p.dtype())};
}

/// By the largest of log probabilities plus Gumbel noise.
TensorList multinomial(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t draws = node.integer("sample_size", 1);
  if (x.rank() != 2) node.fail("needs [batch, classes]");
  const Shape shape{x.dim(0), draws, x.dim(1)};
  const Tensor u = max(uniform(keyOf(node), shape, f32), 1e-30);
  const Tensor noisy = expandDims(convert(x, f32), 1) - log(-log(u));
  const DType dtype = node.dtype(node.integer("dtype", proto::TensorProto::INT32));
  return {convert(argmax(noisy, 2), dtype)};
}

/// Training drops at random; else the operand as it is, with a mask of truths.
TensorList dropoutRule(Node &node) {
  node.expectOperands(1, 3);
  const Tensor x = node[0];
  bool training = node.version >= 7 && node.version < 12 ? false : !node.flag("is_test", true);
  if (node.version >= 12) training = node.has(2) && node.array(2, "the training mode").at(0) != 0;
  const DType maskType = node.version < 10 ? x.dtype() : i1;
  if (!training) return {x, node.graph.full(x.shape(), 1, maskType)};
  double ratio = node.real("ratio", 0.5);
  if (node.version >= 12) ratio = node.has(1) ? node.array(1, "the ratio").at(0) : 0.5;
  const Tensor kept = uniform(keyOf(node), x.shape(), f32) >= ratio;
  const Tensor scaled = ratio < 1 ? x * (1 / (1 - ratio)) : x;
  return {select(kept, scaled, zerosLike(x)), convert(kept, maskType)};
}

} // namespace

void addCreationRules(Rules &rules) {
  const Rules own = {
      {"Bernoulli", bernoulli},
      {"ConstantOfShape", constantOfShape},
      {"Dropout", dropoutRule},
      {"EyeLike", eyeLike},
      {"Multinomial", multinomial},
      {"RandomNormal", randomNormal<false>},
      {"RandomNormalLike", randomNormal<true>},
      {"RandomUniform", randomUniform<false>},
      {"RandomUniformLike", randomUniform<true>},
      {"Range", rangeRule},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
