// Activations: compositions of elementwise functions, and softmax with its kin.
#include "frontend/import/onnx/node.h"
#include "frontend/nn/functional.h"

#include <cmath>
#include <limits>

namespace weir::onnx {
namespace {

TensorList softplus(Node &node) {
  node.expectOperands(1, 1);
  return {logAddExp(node[0], zerosLike(node[0]))};
}

TensorList elu(Node &node) {
  const Tensor x = node[0];
  return {select(x > 0, x, expm1(min(x, 0.0)) * node.real("alpha", 1.0))};
}

TensorList selu(Node &node) {
  const Tensor x = node[0];
  const double alpha = node.real("alpha", 1.67326319217681884765625);
  const double gamma = node.real("gamma", 1.05070102214813232421875);
  return {select(x > 0, x, expm1(min(x, 0.0)) * alpha) * gamma};
}

TensorList celu(Node &node) {
  const Tensor x = node[0];
  const double alpha = node.real("alpha", 1.0);
  return {max(x, 0.0) + min(expm1(x / alpha) * alpha, 0.0)};
}

TensorList leakyRelu(Node &node) {
  const Tensor x = node[0];
  return {select(x >= 0, x, x * node.real("alpha", 0.01))};
}

TensorList prelu(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0];
  Tensor slope = node[1];
  // Before opset 7 one slope a channel.
  if (node.version < 7 && slope.rank() == 1 && x.rank() > 1) {
    Shape shape(static_cast<size_t>(x.rank() - 1), 1);
    shape[0] = slope.dim(0);
    slope = reshape(slope, shape);
  }
  return {select(x >= 0, x, x * slope)};
}

TensorList thresholdedRelu(Node &node) {
  const Tensor x = node[0];
  return {select(x > node.real("alpha", 1.0), x, 0.0)};
}

TensorList hardSigmoid(Node &node) {
  return {clamp(node[0] * node.real("alpha", 0.2) + node.real("beta", 0.5), 0.0, 1.0)};
}

TensorList hardSwish(Node &node) {
  const Tensor x = node[0];
  return {x * clamp(x / 6.0 + 0.5, 0.0, 1.0)};
}

TensorList shrink(Node &node) {
  const Tensor x = node[0];
  const DType dtype = x.dtype();
  const double bias = node.real("bias", 0.0), lambda = node.real("lambd", 0.5);
  const Tensor wide = runtime::isFloat(dtype) ? x : convert(x, f64);
  const Tensor y = select(wide < -lambda, wide + bias, select(wide > lambda, wide - bias, 0.0));
  return {runtime::isFloat(dtype) ? y : convert(y, dtype)};
}

TensorList mish(Node &node) {
  const Tensor x = node[0];
  return {x * tanh(logAddExp(x, zerosLike(x)))};
}

TensorList gelu(Node &node) {
  const std::string form = node.string("approximate", "none");
  if (form != "none" && form != "tanh") node.fail("approximate must be none or tanh");
  return {nn::gelu(node[0], form == "tanh" ? nn::GeluForm::Tanh : nn::GeluForm::Erf)};
}

TensorList softsign(Node &node) {
  const Tensor x = node[0];
  return {x / (abs(x) + 1.0)};
}

TensorList swish(Node &node) {
  const Tensor x = node[0];
  return {x * logistic(x * node.real("alpha", 1.0))};
}

TensorList swiglu(Node &node) {
  node.expectOperands(2, 2);
  const Tensor gate = node[0];
  return {gate * logistic(gate * node.real("alpha", 1.0)) * node[1]};
}

/// Before opset 13 all dims from `axis` on are one.
template <Tensor (*function)(const Tensor &, int64_t)> TensorList alongAxis(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  if (node.version >= 13) return {function(x, node.dim(node.integer("axis", -1), x.rank()))};
  const int64_t given = node.integer("axis", 1);
  const int64_t axis = given == x.rank() ? given : node.dim(given, x.rank());
  const int64_t rows = product(x.shape(), 0, axis);
  const Tensor two = reshape(x, {rows, product(x.shape(), axis)});
  return {reshape(function(two, 1), x.shape())};
}

Tensor hardmaxOf(const Tensor &x, int64_t dim) {
  const Tensor best = expandDims(argmax(x, dim), dim);
  return convert(x.graph().iota(i32, x.shape(), dim) == best, x.dtype());
}

Tensor softmaxOf(const Tensor &x, int64_t dim) {
  return nn::softmax(x, dim);
}

Tensor logSoftmaxOf(const Tensor &x, int64_t dim) {
  return nn::logSoftmax(x, dim);
}

} // namespace

void addActivationRules(Rules &rules) {
  const Rules own = {
      {"Celu", celu},
      {"Elu", elu},
      {"Gelu", gelu},
      {"HardSigmoid", hardSigmoid},
      {"HardSwish", hardSwish},
      {"Hardmax", alongAxis<hardmaxOf>},
      {"LeakyRelu", leakyRelu},
      {"LogSoftmax", alongAxis<logSoftmaxOf>},
      {"Mish", mish},
      {"PRelu", prelu},
      {"Relu", unary<relu>},
      {"Selu", selu},
      {"Shrink", shrink},
      {"Softmax", alongAxis<softmaxOf>},
      {"Softplus", softplus},
      {"Softsign", softsign},
      {"SwiGLU", swiglu},
      {"Swish", swish},
      {"ThresholdedRelu", thresholdedRelu},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
