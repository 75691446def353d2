// Mixed precision: a graph in f32 whose dots and convolutions are computed in f16 or bf16.
#pragma once

#include "frontend/api/graph.h"

namespace weir {

/// When the graph is compiled from now on, its dots and convolutions of f32, forward and backward,
/// read operands rounded to `dtype` and round their results to it; they add up in f32. All else
/// stays f32: variables (the master weights), gradients as the optimizer sees them, norms, softmax,
/// losses. f32 takes it back. Small gradients vanish in f16: see nn::LossScale.
/// Error: not f16, bf16 or f32.
void computeIn(Graph &graph, DType dtype, Location at = Location::current());

/// What `updates` assigns is assigned in those runs only in which `condition`, an i1 scalar, is
/// true; in the others these variables keep their values.
void updateOnlyIf(Graph &graph, Arg condition, const std::function<void()> &updates);

} // namespace weir
