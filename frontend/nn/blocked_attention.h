// Attention in memory that grows with the number of positions, not with its square: keys and values
// are taken block by block, softmax is kept as a running maximum and sum, and the derivative
// computes the probabilities again.
#pragma once

#include "frontend/api/ops.h"

namespace weir::nn {

struct BlockedAttentionOptions {
  bool causal = true;
  int64_t block = 128; ///< keys at a time
};

/// attention() of functional.h, up to the order of sums: [..., t, d] x [..., keys, d] x [..., keys,
/// e] -> [..., t, e]; causal: the queries are the last positions. What is in use at a time is a few
/// times t * block for each leading index. Sums are in f32 where values are f16 or bf16. Reverse
/// mode to any order; forward mode is an error (customVjp).
/// Source: Milakov & Gimelshein 2018; Dao et al. 2022 (FlashAttention).
Tensor blockedAttention(Arg query, Arg key, Arg value, BlockedAttentionOptions options = {});

/// attention() of functional.h; from 1024 queries on, whose scores are too many to keep, in blocks.
Tensor selfAttention(Arg query, Arg key, Arg value, bool causal = true);

} // namespace weir::nn
