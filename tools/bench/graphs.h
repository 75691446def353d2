// The graphs of the rows: the same shapes and mathematics as the peers' programs (constants in
// their common.py).
#pragma once

#include "frontend/weir.h"

namespace weir::bench {

/// 784-512-512-10, batch 128, softmax cross-entropy, SGD 0.01.
constexpr int64_t kMlpBatch = 128;
Graph mlpTrain();
double mlpTrainFlops();

/// vocab 96, context 128, batch 16, d 256, 4 heads, GELU 4x, pre-LN, AdamW 3e-4; `layers` is 4 in
/// the row.
struct GptShape {
  int64_t vocabulary = 96, context = 128, batch = 16, features = 256, layers = 4, heads = 4;
};
Graph gptTrain(const GptShape &shape);
double gptTrainFlops(const GptShape &shape);

/// [n, n] x [n, n], both given at run time.
Graph matmul(int64_t n);
/// Rows of 1024, 4096 of them.
Graph softmaxRows();
Graph layerNormRows();
/// Eight elementwise ops over 16384 x 1024.
Graph elementwiseChain();
/// x <- 0.999 x + 1 on 8 floats, a million times.
Graph whileMillion();
/// x <- x + 1 on 8 floats until their sum says stop: 100,000 times from zeros.
Graph whileOnSum();
/// LSTM of 256 over 64 steps of [32, 256], mean of squares; with the gradients of its parameters.
Graph lstmTrain();
double lstmTrainFlops();
/// 500 times tanh(x . w), 16 x 16, unrolled.
Graph smallOps();
/// One add of 16 elements.
Graph tinyCall();

} // namespace weir::bench
