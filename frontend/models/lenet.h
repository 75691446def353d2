// LeNet-5 (LeCun et al. 1998) for square images of one channel, as it is built today: two
// convolutions with ReLU and max pooling, three dense layers; cross-entropy. 61,706 parameters for
// 28x28 and ten classes.
#pragma once

#include "frontend/nn/conv.h"
#include "frontend/nn/layers.h"
#include "frontend/nn/optimizer.h"

namespace weir::models {

struct LeNetOptions {
  int64_t side = 28; ///< A multiple of 4.
  int64_t classes = 10, batch = 64;
  DType dtype = f32;
};

/// The parameters and the forward pass.
class LeNet {
public:
  LeNet(Graph &graph, const LeNetOptions &options, Location at = Location::current());
  /// Rows [b, side · side] -> logits [b, classes].
  Tensor operator()(Arg x) const;

private:
  LeNetOptions options;
  nn::Conv conv1, conv2;
  nn::Mlp dense;
};

/// inputs "x" [batch, side · side], "y" i32[batch]; outputs "loss", "accuracy"; trained by
/// `optimizer`.
Graph lenetTraining(const LeNetOptions &model, const nn::Optimizer &optimizer, uint64_t seed,
                    Location at = Location::current());
/// The same inputs and outputs (and "logits"), nothing trained. Copy variables from a training
/// program.
Graph lenetEvaluation(const LeNetOptions &model, Location at = Location::current());

} // namespace weir::models
