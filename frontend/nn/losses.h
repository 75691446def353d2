// Losses beside crossEntropy and meanSquaredError. Each is the mean over all elements (or rows);
// all are differentiable in the prediction.
#pragma once

#include "frontend/api/ops.h"

namespace weir::nn {

/// Mean of |prediction - target|.
Tensor meanAbsoluteError(Arg prediction, Arg target);
/// Squared up to delta, linear beyond: d²/2, or delta·(|d| - delta/2). Source: Huber 1964.
Tensor huber(Arg prediction, Arg target, double delta = 1);
/// -y·log σ(x) - (1-y)·log(1-σ(x)) for logits x and targets y in [0, 1], stable.
Tensor binaryCrossEntropy(Arg logits, Arg targets);
/// -log probability of the label; logProbabilities [..., classes], labels integers [...] in range.
Tensor negativeLogLikelihood(Arg logProbabilities, Arg labels);
/// Mean over rows of the sum of target·(log target - logPrediction); 0·log 0 is 0.
Tensor klDivergence(Arg logPrediction, Arg target);
/// Mean of max(0, margin - y·score) for y of -1 and 1.
Tensor hinge(Arg scores, Arg targets, double margin = 1);
/// x·y / (|x| |y|) along one dim; norms are at least epsilon.
Tensor cosineSimilarity(Arg x, Arg y, int64_t dim = -1, double epsilon = 1e-8);
/// Mean of 1 - cosineSimilarity.
Tensor cosineDistance(Arg x, Arg y, int64_t dim = -1);

} // namespace weir::nn
