// Optimizers and learning-rate schedules, as compositions over variables of the graph.
// The step count is a variable ("optimizer.step"), so schedules are part of the compiled program
// and of checkpoints.
#pragma once

#include "frontend/api/graph.h"

#include <optional>

namespace weir::nn {

/// The learning rate as a function of the step (an f32 scalar counting from 0). A number is a
/// constant rate.
class Schedule {
public:
  Schedule(double rate);
  template <typename F>
    requires std::is_invocable_r_v<Tensor, F &, Tensor>
  Schedule(F rate) : rate(std::move(rate)) {}
  Tensor operator()(const Tensor &step) const { return rate(step); }

private:
  std::function<Tensor(Tensor)> rate;
};

Schedule constantRate(double rate);
/// Linear from peak/warmupSteps up to peak, then half a cosine down to `floor` at totalSteps, then
/// floor.
Schedule warmupCosine(double peak, int64_t warmupSteps, int64_t totalSteps, double floor = 0);

/// Dynamic loss scaling: gradients that are computed in f16 are those of the loss times a power of
/// two, which starts at `initial`. A step whose gradients are not all finite is skipped and the
/// scale is multiplied by `backoff`; after `interval` steps in a row that were done it is
/// multiplied by `growth`. It stays in [1, 2^24].  Source: Micikevicius et al. 2018, section 3.2.
struct LossScale {
  double initial = 65536, growth = 2, backoff = 0.5;
  int64_t interval = 2000;
};

/// What minimize takes. A value: clipped() and scaled() give new ones.
class Optimizer {
public:
  /// (graph, gradients, steps done + 1) -> for each variable what, times the rate, is subtracted
  /// from it.
  using Rule =
      std::function<TensorList(Graph &, const std::vector<Gradient> &, const Tensor &count)>;

  Optimizer(Schedule schedule, Rule rule) : schedule(std::move(schedule)), rule(std::move(rule)) {}
  /// Gradients are scaled so that their global norm is at most maxNorm.
  Optimizer clipped(double maxNorm) const;
  /// Of a loss that is scaled: by nn::minimize only, which scales it.
  Optimizer scaled(LossScale scale = {}) const;
  Optimizer unscaled() const;
  const std::optional<LossScale> &lossScale() const { return scale; }
  /// Assigns new values to the variables and to the step count. Error: scaled.
  void operator()(Graph &graph, const std::vector<Gradient> &gradients) const;

private:
  Schedule schedule;
  Rule rule;
  double maxNorm = 0;
  std::optional<LossScale> scale;
};

/// Graph::minimize, and where the optimizer is scaled() the loss is. Variables then: loss_scale,
/// loss_scale.steps (done since it changed), loss_scale.skipped (in all).
void minimize(Graph &graph, Arg loss, const Optimizer &optimizer, const TensorList &only = {});

Optimizer sgd(Schedule rate);
/// v = momentum·v + g; w -= rate·v.  nesterov: w -= rate·(g + momentum·v).
Optimizer momentum(Schedule rate, double momentum = 0.9, bool nesterov = false);

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};
/// Kingma & Ba 2015. Slots: NAME.adam_m, NAME.adam_v.
Optimizer adam(Schedule rate, AdamOptions options = {});

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01;
  /// Decay only variables of rank 2 or more (not biases, scales, shifts).
  bool decayMatricesOnly = true;
};
/// Loshchilov & Hutter 2019: decay is outside the moments.
Optimizer adamW(Schedule rate, AdamWOptions options = {});

struct LionOptions {
  double beta1 = 0.9, beta2 = 0.99, weightDecay = 0;
  bool decayMatricesOnly = true;
};
/// Chen et al. 2023: the sign of a mean of momentum and gradient. Slot: NAME.lion_m.
Optimizer lion(Schedule rate, LionOptions options = {});

struct LambOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, weightDecay = 0.01;
  bool decayMatricesOnly = true;
};
/// You et al. 2020: Adam's direction with decay, scaled for each variable to the norm of that
/// variable. Slots as Adam's.
Optimizer lamb(Schedule rate, LambOptions options = {});

/// sqrt(sum of all squares) over several tensors.
Tensor globalNorm(const TensorList &tensors, Location at = Location::current());
/// All scaled by min(1, maxNorm / globalNorm).
TensorList clipByGlobalNorm(const TensorList &tensors, double maxNorm,
                            Location at = Location::current());

} // namespace weir::nn
