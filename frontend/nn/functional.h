// Functions without parameters: activations, layer norm, attention, rotary embedding, dropout,
// cross-entropy.
// Compositions of primitive ops; each opens a CallScope, so errors and locations name the caller's
// line.
#pragma once

#include "frontend/api/ops.h"

namespace weir::nn {

enum class GeluForm {
  Tanh, ///< 0.5x(1 + tanh(sqrt(2/pi)(x + 0.044715x^3))), as GPT-2 and JAX's default
  Erf   ///< 0.5x(1 + erf(x / sqrt 2)), exact
};
Tensor gelu(Arg x, GeluForm form = GeluForm::Tanh);
/// Along one dim, stable.
Tensor softmax(Arg x, int64_t dim = -1);
Tensor logSoftmax(Arg x, int64_t dim = -1);
/// Mean 0 and variance 1 over the last dim, then scale and shift [features].
Tensor layerNorm(Arg x, Arg scale, Arg shift, double epsilon = 1e-5);
/// Zero with probability `rate`, else x / (1 - rate). key: i32[2], from RandomKeys::next().
Tensor dropout(Arg x, double rate, Arg key);
/// Rotary position embedding of queries or keys [..., t, d]: feature pairs (k, k + d/2) of position
/// i, counted from `start`, are turned by i · base^(-2k/d).  Source: Su et al. 2021.
Tensor rotary(Arg x, double base = 10000, int64_t start = 0);
/// softmax(q·kT / sqrt(d))·v over [b, h, t, d]; causal: position i sees j <= i only.
Tensor attention(Arg query, Arg key, Arg value, bool causal = true);
/// The same, [..., t, d] in `blocks` blocks of t: each block of queries meets one block of keys and
/// values after the other, which go round. Split over as many devices along t, a device has scores
/// of t / blocks x t / blocks at a time. Error: blocks do not divide t.  Source: Liu et al. 2023
/// (Ring Attention).
Tensor ringAttention(Arg query, Arg key, Arg value, int64_t blocks, bool causal = true);

/// softmax(scale · q·kT + bias)·v; bias is broadcast over [b, h, t, keys]: a mask of large negative
/// numbers, or what is known of the positions.
Tensor biasedAttention(Arg query, Arg key, Arg value, Arg bias, double scale);

/// Mean over all labels of -log softmax(logits)[label].  logits [..., classes], labels integers
/// [...] in range.
Tensor crossEntropy(Arg logits, Arg labels);
/// The same, one loss a label: [...].
Tensor crossEntropyEach(Arg logits, Arg labels);
/// Mean of the squared differences.
Tensor meanSquaredError(Arg prediction, Arg target);
/// Share of rows whose largest logit is the label -> f32 scalar.
Tensor accuracy(Arg logits, Arg labels);

} // namespace weir::nn
