// A character GPT: token and learned position embeddings, pre-LN blocks (attention, GELU MLP of
// 4x), final LN, head. Initial values: Gaussian 0.02, residual projections 0.02/sqrt(2·layers); no
// dropout.
#pragma once

#include "frontend/models/decoder.h"
#include "frontend/nn/layers.h"
#include "frontend/nn/optimizer.h"

namespace weir::models {

struct CharGptOptions {
  int64_t vocabulary = 256;
  int64_t layers = 4, heads = 4, features = 128, context = 64;
  DType dtype = f32;
  /// 0: reverse mode keeps what it needs. n: it keeps what goes into every n blocks, and what goes
  /// into each of those blocks while it computes them again; the square root of `layers` needs the
  /// least memory.
  int64_t checkpointEvery = 0;
};

/// The parameters and the forward pass.
class CharGpt {
public:
  CharGpt(Graph &graph, const CharGptOptions &options, Location at = Location::current());
  /// tokens i32[b, t], t <= context -> logits [b, t, vocabulary].
  Tensor operator()(Arg tokens) const;
  /// tokens i32[b, t] at positions start, start + 1, ... (start i32[], start + t <= context) -> the
  /// last layer, normed. Keys and values of what comes before are variables, block0.cache.key, ...
  /// (cached_attention.h), which this call extends in place; at most once a graph.
  Tensor extend(Arg tokens, Arg start) const;
  /// hidden [..., features] -> [..., vocabulary]
  Tensor logits(Arg hidden) const { return head(hidden); }
  /// Mean cross-entropy in nats a character of predicting targets i32[b, t].
  Tensor loss(Arg tokens, Arg targets) const;

private:
  struct Block {
    std::string name;
    nn::LayerNorm attentionNorm;
    nn::Attention attention;
    nn::LayerNorm mlpNorm;
    nn::Linear up, down;
  };
  static Tensor apply(const Block &block, Tensor h);
  void checkTokens(const Arg &tokens) const;

  CharGptOptions options;
  nn::Embedding tokenTable, positionTable;
  std::vector<Block> blocks;
  nn::LayerNorm finalNorm;
  nn::Linear head;
};

struct CharGptTraining {
  int64_t batch = 12, steps = 2000, warmup = 100;
  double peakRate = 1e-3, floorRate = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0.1, clip = 1;
  std::optional<nn::LossScale> lossScale = {};
};
/// inputs "tokens", "targets" i32[batch, context]; output "loss"; AdamW, decay on matrices only.
Graph charGptTraining(const CharGptOptions &model, const CharGptTraining &training, uint64_t seed,
                      Location at = Location::current());
/// inputs "tokens", "targets" i32[batch, context]; output "losses" f32[batch], the mean of each
/// window. Copy variables from a training program.
Graph charGptEvaluation(const CharGptOptions &model, int64_t batch,
                        Location at = Location::current());
/// inputs "tokens" i32[1, context], "position" i32[]; output "logits" [vocabulary] for the token
/// after `position`.
Graph charGptSampling(const CharGptOptions &model, Location at = Location::current());
/// inputs "tokens" i32[batch, length], "start" i32[], "last" i32[] (for length > 1); output
/// "logits" [batch, vocabulary] after token `last` of these, with a cache of keys and values that
/// programs share by their variables.
Graph charGptExtension(const CharGptOptions &model, int64_t batch, int64_t length,
                       Location at = Location::current());
/// Goes on from tokens with the parameters of `trained`, as they are now.
Decoder charGptDecoder(const CharGptOptions &model, const Program &trained,
                       CompileOptions compile = {}, Location at = Location::current());

} // namespace weir::models
