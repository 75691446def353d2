// What a graph allows on GPUs. On the CPU neither changes anything.
#pragma once

#include "frontend/api/graph.h"

namespace weir {

/// When the graph is compiled for a GPU from now on, its dots of f32 that a library does may round
/// their operands to TF32, which has 10 bits of mantissa, and run several times as fast; they add
/// up in f32.
void allowTf32(Graph &graph, bool isAllowed = true);

/// Whether large dots are done by cuBLASLt, which then must be on the machine that runs them, or by
/// Weir's own kernels like the small ones. At first: cuBLASLt.
void useLibraries(Graph &graph, bool areUsed);

} // namespace weir
