// The optimizers of ONNX's preview of training: new values of each tensor and of its state.
#include "frontend/import/onnx/node.h"

#include <cmath>

namespace weir::onnx {
namespace {

/// The operands: rate, step, then for each tensor its value, gradient and states.
struct Update {
  Tensor rate, step;
  size_t count;
  Tensor of(Node &node, size_t kind, size_t i) const { return node[2 + kind * count + i]; }
};

Update updateOf(Node &node, size_t kinds) {
  if (node.size() < 2 + kinds || (node.size() - 2) % kinds != 0)
    node.fail("needs a rate, a step and " + std::to_string(kinds) + " operands for each tensor");
  return {reshape(node[0], {}), reshape(node[1], {}), (node.size() - 2) / kinds};
}

Tensor regularized(Node &node, const Tensor &x, const Tensor &gradient) {
  return gradient + x * node.real("norm_coefficient", 0.0);
}

/// First of all tensors the values, then their first states, ...
TensorList ordered(const std::vector<TensorList> &all) {
  TensorList list;
  for (size_t kind = 0; kind < all[0].size(); ++kind)
    for (const TensorList &one : all) list.push_back(one[kind]);
  return list;
}

TensorList adagrad(Node &node) {
  const Update update = updateOf(node, 3);
  std::vector<TensorList> all;
  for (size_t i = 0; i < update.count; ++i) {
    const Tensor x = update.of(node, 0, i);
    const Tensor g = regularized(node, x, update.of(node, 1, i));
    const Tensor step = convert(update.step, x.dtype());
    const Tensor rate =
        convert(update.rate, x.dtype()) / (step * node.real("decay_factor", 0.0) + 1.0);
    const Tensor squares = update.of(node, 2, i) + g * g;
    all.push_back({x - rate * g / (sqrt(squares) + node.real("epsilon", 1e-6)), squares});
  }
  return ordered(all);
}

TensorList adam(Node &node) {
  const Update update = updateOf(node, 4);
  const double alpha = node.real("alpha", 0.9), beta = node.real("beta", 0.999);
  std::vector<TensorList> all;
  for (size_t i = 0; i < update.count; ++i) {
    const Tensor x = update.of(node, 0, i);
    const Tensor g = regularized(node, x, update.of(node, 1, i));
    const Tensor v = update.of(node, 2, i) * alpha + g * (1 - alpha);
    const Tensor h = update.of(node, 3, i) * beta + g * g * (1 - beta);
    const Tensor step = convert(update.step, x.dtype()), rate = convert(update.rate, x.dtype());
    const Tensor corrected = rate * sqrt(1.0 - pow(fullLike(step, beta), step)) /
                             (1.0 - pow(fullLike(step, alpha), step));
    const Tensor adjusted = select(step > 0, corrected, rate);
    const Tensor y = x - adjusted * v / (sqrt(h) + node.real("epsilon", 1e-6));
    all.push_back({y * (1 - node.real("norm_coefficient_post", 0.0)), v, h});
  }
  return ordered(all);
}

TensorList momentum(Node &node) {
  const Update update = updateOf(node, 3);
  const double alpha = node.real("alpha"), beta = node.real("beta");
  const bool nesterov = node.string("mode", "standard") == "nesterov";
  std::vector<TensorList> all;
  for (size_t i = 0; i < update.count; ++i) {
    const Tensor x = update.of(node, 0, i);
    const Tensor g = regularized(node, x, update.of(node, 1, i));
    const Tensor step = convert(update.step, x.dtype()), rate = convert(update.rate, x.dtype());
    const Tensor share = select(step > 0, fullLike(step, beta), onesLike(step));
    const Tensor v = update.of(node, 2, i) * alpha + g * share;
    all.push_back({x - rate * (nesterov ? g + v * alpha : v), v});
  }
  return ordered(all);
}

} // namespace

void addTrainingRules(Rules &rules) {
  const Rules own = {{"Adagrad", adagrad}, {"Adam", adam}, {"Momentum", momentum}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
