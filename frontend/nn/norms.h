// Normalisation beside layerNorm: over features, groups of channels, and the batch.
#pragma once

#include "frontend/nn/init.h"

namespace weir::nn {

/// x / sqrt(mean of squares over the last dim + epsilon) * scale.  scale [features].
/// Source: Zhang & Sennrich 2019.
Tensor rmsNorm(Arg x, Arg scale, double epsilon = 1e-6);
/// Mean 0 and variance 1 over each group of channels and all spatial dims, then scale and shift
/// [channels].  x [b, channels, spatial...]. Source: Wu & He 2018.
Tensor groupNorm(Arg x, int64_t groups, Arg scale, Arg shift, double epsilon = 1e-5);
/// With moments [channels] that are given, as at inference.
Tensor batchNorm(Arg x, Arg mean, Arg variance, Arg scale, Arg shift, double epsilon = 1e-5);

/// Parameter: NAME.scale [features].
class RmsNorm {
public:
  RmsNorm(Graph &graph, const std::string &name, int64_t features, double epsilon = 1e-6,
          DType dtype = f32, Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Tensor scale;
  double epsilon;
};

/// Parameters: NAME.scale, NAME.shift [channels].
class GroupNorm {
public:
  GroupNorm(Graph &graph, const std::string &name, int64_t groups, int64_t channels,
            double epsilon = 1e-5, DType dtype = f32, Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Tensor scale, shift;
  int64_t groups;
  double epsilon;
};

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1; ///< Share of the new batch in the running moments.
  DType dtype = f32;
};

/// Ioffe & Szegedy 2015. Training uses the batch's moments and moves the running ones, which are
/// variables of the graph; evaluation uses those. Parameters: NAME.scale, NAME.shift [channels];
/// state: NAME.mean, NAME.variance [channels] (the running variance divides by count - 1).
class BatchNorm {
public:
  BatchNorm(Graph &graph, const std::string &name, int64_t channels, BatchNormOptions options = {},
            Location at = Location::current());
  /// x [b, channels, spatial...]. With `training` at most once a graph: it assigns the state.
  Tensor operator()(Arg x, bool training) const;
  std::string name;
  Tensor scale, shift, mean, variance;
  BatchNormOptions options;
};

} // namespace weir::nn
