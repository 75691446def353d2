// Manual regions in a graph that is otherwise sharded by propagation: in blocks, a tensor has a
// leading dim with a block for each device of a mesh axis. Ops with that dim as a batch (or vmap)
// compute on every device by itself; what passes between devices is what is written with the
// functions below, and nothing else. Without a mesh all of it is ordinary arithmetic.
#pragma once

#include "frontend/api/sharding.h"

namespace weir::nn {

/// x in `count` blocks along `dim`, one for each device along `axis`: [.., n, ..] -> [count, ..,
/// n / count, ..]. Error: count does not divide n.
Tensor toBlocks(Arg x, int64_t dim, const std::string &axis, int64_t count);
/// The inverse: [count, .., n, ..] -> [.., count * n, ..].
Tensor fromBlocks(Arg blocks, int64_t dim);

/// Every block becomes the sum of all: an all_reduce.
Tensor sumBlocks(Arg blocks, const std::string &axis);
/// Block i becomes block i + distance, around the end: a permute.
Tensor shiftBlocks(Arg blocks, const std::string &axis, int64_t distance = 1);
/// Part j of block i, along `dim` (counted in a block), becomes part i of block j: an all_to_all.
/// Error: there are not as many parts as blocks.
Tensor exchangeBlocks(Arg blocks, int64_t dim, const std::string &axis);

} // namespace weir::nn
