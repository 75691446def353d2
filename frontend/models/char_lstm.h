// A character LSTM: token embeddings, layers of LSTM over the window from a zero state, a head.
// Its graphs have the same inputs and outputs as those of char_gpt.h.
#pragma once

#include "frontend/nn/layers.h"
#include "frontend/nn/optimizer.h"
#include "frontend/nn/recurrent.h"

namespace weir::models {

struct CharLstmOptions {
  int64_t vocabulary = 256;
  int64_t layers = 1, features = 128, context = 64; ///< features: of embedding and state
  DType dtype = f32;
};

/// The parameters and the forward pass. NAME = lstm0, lstm1, ...; token.weight, head.weight,
/// head.bias.
class CharLstm {
public:
  CharLstm(Graph &graph, const CharLstmOptions &options, Location at = Location::current());
  /// tokens i32[b, t] -> logits [b, t, vocabulary].
  Tensor operator()(Arg tokens) const;

private:
  nn::Embedding tokenTable;
  std::vector<nn::Lstm> layers;
  nn::Linear head;
};

struct CharLstmTraining {
  int64_t batch = 32, steps = 2000, warmup = 100;
  double peakRate = 4e-3, floorRate = 2e-4, clip = 1;
  std::optional<nn::LossScale> lossScale = {};
};
/// inputs "tokens", "targets" i32[batch, context]; output "loss"; Adam.
Graph charLstmTraining(const CharLstmOptions &model, const CharLstmTraining &training,
                       uint64_t seed, Location at = Location::current());
/// inputs "tokens", "targets" i32[batch, context]; output "losses" f32[batch], the mean of each
/// window. Copy variables from a training program.
Graph charLstmEvaluation(const CharLstmOptions &model, int64_t batch,
                         Location at = Location::current());
/// inputs "tokens" i32[1, context], "position" i32[]; output "logits" [vocabulary] for the token
/// after `position`.
Graph charLstmSampling(const CharLstmOptions &model, Location at = Location::current());

} // namespace weir::models
