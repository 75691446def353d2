#include "frontend/nn/init.h"

#include "frontend/data/philox.h"

#include <cmath>
#include <numbers>

namespace weir::nn {
namespace {

/// Elements in row-major order from `next`.
template <typename Next> Array generate(const TensorType &type, Next next) {
  Array array(type.dtype, type.shape);
  runtime::visitDType(type.dtype, [&](auto tag) {
    using T = decltype(tag);
    for (T &value : array.mutableData<T>()) value = static_cast<T>(next());
  });
  return array;
}

struct Fans {
  double in, out;
};

Fans fansOf(const Shape &shape) {
  Fans fans{1, shape.empty() ? 1 : static_cast<double>(shape.back())};
  for (size_t i = 0; i + 1 < shape.size(); ++i) fans.in *= static_cast<double>(shape[i]);
  return fans;
}

Array drawNormal(const TensorType &type, uint64_t key, double stddev) {
  data::Philox random(key);
  double spare = 0;
  bool hasSpare = false;
  return generate(type, [&] {
    hasSpare = !hasSpare;
    if (!hasSpare) return spare;
    // Both numbers of Box and Muller: drawing millions of parameters should not be noticed.
    const double radius = stddev * std::sqrt(-2 * std::log(1 - random.uniform()));
    const double angle = 2 * std::numbers::pi * random.uniform();
    spare = radius * std::sin(angle);
    return radius * std::cos(angle);
  });
}

Array drawUniform(const TensorType &type, uint64_t key, double low, double high) {
  data::Philox random(key);
  return generate(type, [&] { return low + (high - low) * random.uniform(); });
}

} // namespace

Initializer constant(double value) {
  return [=](const TensorType &type, uint64_t) { return generate(type, [=] { return value; }); };
}
Initializer zeros() {
  return constant(0);
}
Initializer ones() {
  return constant(1);
}

Initializer normal(double stddev) {
  return [=](const TensorType &type, uint64_t key) { return drawNormal(type, key, stddev); };
}

Initializer uniform(double low, double high) {
  return [=](const TensorType &type, uint64_t key) { return drawUniform(type, key, low, high); };
}

Initializer xavier() {
  return [](const TensorType &type, uint64_t key) {
    auto [in, out] = fansOf(type.shape);
    const double limit = std::sqrt(6 / (in + out));
    return drawUniform(type, key, -limit, limit);
  };
}

Initializer kaiming() {
  return [](const TensorType &type, uint64_t key) {
    return drawNormal(type, key, std::sqrt(2 / fansOf(type.shape).in));
  };
}

Tensor parameter(Graph &graph, const std::string &name, TensorType type, const Initializer &init,
                 Location at) {
  if (!runtime::isFloat(type.dtype) || !runtime::elementCount(type.shape))
    throw Error("parameter: '" + name + "' is " + type.str() +
                    ", but must be a float tensor of sizes >= 0",
                at);
  auto initial = [type, init, key = data::streamKey(graph.seed(), name)] {
    return init(type, key);
  };
  return graph.variable(name, type, initial, true, at);
}

} // namespace weir::nn
