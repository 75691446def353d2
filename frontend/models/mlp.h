// A classifier of fixed-size rows (digits, MNIST): nn::Mlp with cross-entropy, trained by Adam.
#pragma once

#include "frontend/nn/layers.h"
#include "frontend/nn/optimizer.h"

namespace weir::models {

struct MlpClassifier {
  std::vector<int64_t> sizes; ///< inputs, hidden..., classes
  int64_t batch = 64;
};
/// inputs "x" f32[batch, sizes[0]], "y" i32[batch]; outputs "loss", "accuracy"; trained by
/// `optimizer`.
Graph mlpTraining(const MlpClassifier &model, const nn::Optimizer &optimizer, uint64_t seed,
                  Location at = Location::current());
/// The same inputs and outputs (and "logits"), nothing trained. Copy variables from a training
/// program.
Graph mlpEvaluation(const MlpClassifier &model, Location at = Location::current());

} // namespace weir::models
