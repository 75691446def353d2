// What all classifiers that `weir train` knows share: rows with a label, a split, a score.
#pragma once

#include "frontend/nn/optimizer.h"
#include "tools/values/values.h"
#include "tools/weir/train/training_loop.h"

#include <CLI/CLI.hpp>

namespace weir::tools {

struct ClassifierOptions {
  std::string data, labels;
  std::vector<int64_t> hidden = {128}; ///< of the mlp
  int64_t batch = 64, epochs = 60;
  double rate = 1e-3, scale = 16;
  std::string holdOut = "fifth";
  bool reportsStart = false; ///< the score before training, where there is one worth telling
  /// What to do with the trained program at the end.
  std::function<void(const Program &)> finish;
};

/// A model for rows of `features` numbers and `classes`, in batches of `batch`.
struct Classifier {
  std::string name, shape; ///< as the user knows it: "mlp", "784,128,10"
  Graph training, evaluation;
  Port input{"x"}; ///< f32[batch, features] where it has no shape
  std::string label = "y", loss = "loss";
  std::string logits = "logits"; ///< of the evaluation
};
using ClassifierFor = std::function<Classifier(int64_t features, int64_t classes, int64_t batch,
                                               const nn::Optimizer &optimizer, uint64_t seed)>;

void addClassifierOptions(CLI::App &app, ClassifierOptions &options);
void trainClassifier(const ClassifierOptions &options, const TrainOptions &train,
                     const ClassifierFor &build);

} // namespace weir::tools
