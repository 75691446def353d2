#include "frontend/nn/optimizer.h"

#include "frontend/api/ops.h"
#include "frontend/api/precision.h"
#include "frontend/nn/need.h"

#include <algorithm>
#include <map>
#include <numbers>

namespace weir::nn {
namespace {

/// A slot of an optimizer: a variable like the parameter, zero at first.
Tensor slot(Graph &graph, const Gradient &g, const std::string &suffix) {
  const TensorType type = g.variable.type();
  return graph.variable(
      g.name + "." + suffix, type, [type] { return Array::zeros(type.dtype, type.shape); },
      /*trainable=*/false);
}

TensorList adamDirections(Graph &graph, const std::vector<Gradient> &gradients, const Tensor &count,
                          const AdamOptions &o) {
  std::map<DType, std::pair<Tensor, Tensor>> corrections; // of the moments' start at zero
  TensorList directions;
  for (const Gradient &g : gradients) {
    auto [correction, isNew] = corrections.try_emplace(g.variable.dtype());
    if (isNew) {
      Tensor steps = convert(count, g.variable.dtype());
      correction->second = {1 / (1 - pow(o.beta1, steps)), 1 / (1 - pow(o.beta2, steps))};
    }
    Tensor m = slot(graph, g, "adam_m"), v = slot(graph, g, "adam_v");
    Tensor newM = o.beta1 * m + (1 - o.beta1) * g.gradient;
    Tensor newV = o.beta2 * v + (1 - o.beta2) * square(g.gradient);
    graph.assign(m, newM);
    graph.assign(v, newV);
    directions.push_back(newM * correction->second.first /
                         (sqrt(newV * correction->second.second) + o.epsilon));
  }
  return directions;
}

/// Decay outside the moments, of all variables or of matrices only.
template <typename Options>
void addDecay(TensorList &directions, const std::vector<Gradient> &gradients, const Options &o) {
  for (size_t i = 0; i < gradients.size(); ++i) {
    const Tensor &variable = gradients[i].variable;
    if (o.weightDecay != 0 && (variable.rank() >= 2 || !o.decayMatricesOnly))
      directions[i] = directions[i] + o.weightDecay * variable;
  }
}

} // namespace

Schedule::Schedule(double rate)
    : rate([rate](Tensor step) { return step.graph().scalar(rate, step.dtype()); }) {}

Schedule constantRate(double rate) {
  return Schedule(rate);
}

Schedule warmupCosine(double peak, int64_t warmupSteps, int64_t totalSteps, double floor) {
  return Schedule([=](Tensor step) {
    const auto warmup = static_cast<double>(warmupSteps);
    const double span = std::max(1.0, static_cast<double>(totalSteps - warmupSteps));
    Tensor rising = peak / std::max(1.0, warmup) * (step + 1);
    Tensor progress = clamp((step - warmup) / span, 0, 1);
    Tensor falling = floor + 0.5 * (peak - floor) * (1 + cos(std::numbers::pi * progress));
    return select(step < warmup, rising, falling);
  });
}

Optimizer Optimizer::clipped(double norm) const {
  Optimizer copy = *this;
  copy.maxNorm = norm;
  return copy;
}

Optimizer Optimizer::scaled(LossScale by) const {
  Optimizer copy = *this;
  copy.scale = by;
  return copy;
}

Optimizer Optimizer::unscaled() const {
  Optimizer copy = *this;
  copy.scale.reset();
  return copy;
}

void Optimizer::operator()(Graph &graph, const std::vector<Gradient> &gradients) const {
  // What enters the graph here belongs to the line of the minimize call, whose scope is open.
  if (scale)
    throw Error("minimize: the optimizer is of a scaled loss; nn::minimize(graph, loss, optimizer) "
                "scales it",
                Location::current());
  Tensor step =
      graph.variable(graph.uniqueName("optimizer.step"), Array::scalar<int32_t>(0), false);
  graph.assign(step, step + 1);
  Tensor done = convert(step, f32), count = done + 1;
  Tensor rate = schedule(done);
  std::vector<Gradient> used = gradients;
  if (maxNorm > 0) {
    TensorList values;
    for (const Gradient &g : gradients) values.push_back(g.gradient);
    values = clipByGlobalNorm(values, maxNorm);
    for (size_t i = 0; i < used.size(); ++i) used[i].gradient = values[i];
  }
  TensorList directions = rule(graph, used, count);
  for (size_t i = 0; i < used.size(); ++i) {
    const Tensor &variable = used[i].variable;
    graph.assign(variable, variable - convert(rate, variable.dtype()) * directions[i]);
  }
}

namespace {

/// The variables of loss scaling in a graph.
class ScaledLoss {
public:
  ScaledLoss(Graph &graph, const Optimizer &optimizer)
      : options(*optimizer.lossScale()), plain(optimizer.unscaled()) {
    const std::string name = graph.uniqueName("loss_scale");
    scale = graph.variable(name, Array::scalar<float>(static_cast<float>(options.initial)), false);
    steps = graph.variable(name + ".steps", Array::scalar<int32_t>(0), false);
    skipped = graph.variable(name + ".skipped", Array::scalar<int32_t>(0), false);
  }

  Tensor of(const Tensor &loss) const { return loss * convert(scale, loss.dtype()); }

  /// The step, if it is one, and what becomes of the scale.
  void update(Graph &graph, std::vector<Gradient> gradients) const {
    Tensor bad = graph.scalar(0);
    for (Gradient &g : gradients) {
      bad = bad + sum(select(isFinite(g.gradient), graph.scalar(0), graph.scalar(1)));
      g.gradient = g.gradient / convert(scale, g.gradient.dtype());
    }
    Tensor isDone = bad == 0;
    updateOnlyIf(graph, isDone, [&] { plain(graph, gradients); });
    Tensor counted = steps + 1, isGrown = counted >= options.interval;
    Tensor grown = select(isGrown, min(scale * options.growth, 0x1p24), scale);
    graph.assign(scale, select(isDone, grown, max(scale * options.backoff, 1)));
    graph.assign(steps, select(logicalAnd(isDone, logicalNot(isGrown)), counted, 0));
    graph.assign(skipped, select(isDone, skipped, skipped + 1));
  }

private:
  LossScale options;
  Optimizer plain;
  Tensor scale, steps, skipped;
};

} // namespace

void minimize(Graph &graph, Arg loss, const Optimizer &optimizer, const TensorList &only) {
  if (!optimizer.lossScale()) return graph.minimize(loss, optimizer, only);
  CallScope scope(loss.at);
  const ScaledLoss scaled(graph, optimizer);
  const auto rule = [&](Graph &g, const std::vector<Gradient> &gradients) {
    scaled.update(g, gradients);
  };
  graph.minimize(scaled.of(need("minimize", loss)), rule, only);
}

Optimizer sgd(Schedule rate) {
  return Optimizer(std::move(rate),
                   [](Graph &, const std::vector<Gradient> &gradients, const Tensor &) {
                     TensorList directions;
                     for (const Gradient &g : gradients) directions.push_back(g.gradient);
                     return directions;
                   });
}

Optimizer momentum(Schedule rate, double momentum, bool nesterov) {
  auto rule = [=](Graph &graph, const std::vector<Gradient> &gradients, const Tensor &) {
    TensorList directions;
    for (const Gradient &g : gradients) {
      Tensor v = slot(graph, g, "momentum");
      Tensor newV = momentum * v + g.gradient;
      graph.assign(v, newV);
      directions.push_back(nesterov ? g.gradient + momentum * newV : newV);
    }
    return directions;
  };
  return Optimizer(std::move(rate), rule);
}

Optimizer adam(Schedule rate, AdamOptions options) {
  auto rule = [=](Graph &graph, const std::vector<Gradient> &gradients, const Tensor &count) {
    return adamDirections(graph, gradients, count, options);
  };
  return Optimizer(std::move(rate), rule);
}

Optimizer adamW(Schedule rate, AdamWOptions o) {
  auto rule = [=](Graph &graph, const std::vector<Gradient> &gradients, const Tensor &count) {
    TensorList directions = adamDirections(graph, gradients, count, {o.beta1, o.beta2, o.epsilon});
    addDecay(directions, gradients, o);
    return directions;
  };
  return Optimizer(std::move(rate), rule);
}

Optimizer lion(Schedule rate, LionOptions o) {
  auto rule = [=](Graph &graph, const std::vector<Gradient> &gradients, const Tensor &) {
    TensorList directions;
    for (const Gradient &g : gradients) {
      Tensor m = slot(graph, g, "lion_m");
      directions.push_back(sign(o.beta1 * m + (1 - o.beta1) * g.gradient));
      graph.assign(m, o.beta2 * m + (1 - o.beta2) * g.gradient);
    }
    addDecay(directions, gradients, o);
    return directions;
  };
  return Optimizer(std::move(rate), rule);
}

Optimizer lamb(Schedule rate, LambOptions o) {
  auto rule = [=](Graph &graph, const std::vector<Gradient> &gradients, const Tensor &count) {
    TensorList directions = adamDirections(graph, gradients, count, {o.beta1, o.beta2, o.epsilon});
    addDecay(directions, gradients, o);
    for (size_t i = 0; i < gradients.size(); ++i) {
      Tensor weight = globalNorm({gradients[i].variable}), step = globalNorm({directions[i]});
      Tensor isMoving = logicalAnd(weight > 0, step > 0);
      directions[i] = directions[i] * select(isMoving, weight / select(isMoving, step, 1), 1);
    }
    return directions;
  };
  return Optimizer(std::move(rate), rule);
}

Tensor globalNorm(const TensorList &tensors, Location at) {
  if (tensors.empty()) throw Error("globalNorm: no tensors", at);
  CallScope scope(at);
  Tensor total = sum(square(tensors[0]));
  for (size_t i = 1; i < tensors.size(); ++i) total = total + sum(square(tensors[i]));
  return sqrt(total);
}

TensorList clipByGlobalNorm(const TensorList &tensors, double maxNorm, Location at) {
  CallScope scope(at);
  // A norm of zero gives infinity, of which the minimum with one is one.
  Tensor scale = min(1, maxNorm / globalNorm(tensors));
  TensorList scaled;
  for (const Tensor &tensor : tensors) scaled.push_back(tensor * scale);
  return scaled;
}

} // namespace weir::nn
