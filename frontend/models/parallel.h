// Models of the zoo on a mesh: the few shardings that make a graph data, tensor, sequence or expert
// parallel, and split its optimizer's state (ZeRO). The names of the mesh's axes say which.
#pragma once

#include "frontend/api/sharding.h"

namespace weir::models {

struct ParallelOptions {
  /// Over axis "data": 0, every device has all parameters and optimizer state; 1, state is split,
  /// gradients are whole until all are there, and are then reduced at once to the pieces that it
  /// needs; 2, each gradient is reduced to its pieces as soon as it is there; 3, parameters are
  /// split, too.  Source: Rajbhandari et al. 2020 (ZeRO).
  int zero = 0;
  /// Bytes of a bucket of reductions (bucketReductions); 0: each on its own, at stage 1 all at
  /// once.
  int64_t bucketBytes = 0;
};

/// useMesh, and shardings of inputs and variables by their names. Axes:
///   data      inputs are split along their first dim
///   sequence  inputs are split along their second dim
///   model     matrices are split by columns (up, gate, query, key, value, c_fc) and by rows (down,
///             out, c_proj), the head and the table of tokens (token, wte) by their vocabulary.
///             Source: Shoeybi et al. 2019 (Megatron-LM)
///   expert    the experts of mixtures
/// What follows from these is found by propagation. Errors: another axis; `zero` without an axis
/// "data", or not 0 to 3; `bucketBytes` below 0.
void parallelize(Graph &graph, const Mesh &mesh, const ParallelOptions &options = {},
                 Location at = Location::current());

} // namespace weir::models
