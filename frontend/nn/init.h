// Initial values of parameters, drawn on the host with Philox from the graph's seed and the
// parameter's name: the same seed gives the same values whatever else the graph holds.
#pragma once

#include "frontend/api/graph.h"

namespace weir::nn {

/// Makes an array of a type from a 64-bit key, when a program first needs it.
using Initializer = std::function<Array(const TensorType &type, uint64_t key)>;

Initializer zeros();
Initializer ones();
Initializer constant(double value);
/// Gaussian with mean 0.
Initializer normal(double stddev = 1);
Initializer uniform(double low, double high);
/// Glorot & Bengio 2010: uniform in +-sqrt(6 / (fan in + fan out)).
Initializer xavier();
/// He et al. 2015: Gaussian with variance 2 / fan in, for ReLU.
Initializer kaiming();

/// A trainable variable drawn from `init`. Fans: the last dim is fan out, the product of the others
/// fan in.
Tensor parameter(Graph &graph, const std::string &name, TensorType type, const Initializer &init,
                 Location at = Location::current());

} // namespace weir::nn
