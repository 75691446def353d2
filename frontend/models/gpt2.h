// GPT-2 (Radford et al. 2019) under the key names of its published weights: pre-LN blocks, GELU in
// its tanh form, logits from the token table. It predicts whole windows, or goes on from a cache of
// keys and values, a few tokens at a time.
#pragma once

#include "frontend/nn/layers.h"
#include "frontend/nn/optimizer.h"

namespace weir::models {

struct Gpt2Options {
  int64_t vocabulary = 50257, context = 1024;
  int64_t layers = 12, heads = 12, features = 768;
  DType dtype = f32;
};
/// "small", "medium", "large" or "xl". Error: there is no such size.
Gpt2Options gpt2(const std::string &size = "small", Location at = Location::current());
/// Of a file of weights with GPT-2's key names; heads from its metadata (n_head), else one for 64
/// features.
Gpt2Options gpt2OptionsOf(const std::string &safetensors, Location at = Location::current());

/// The parameters and the forward pass. Names: wte.weight, wpe.weight, h.0.ln_1.weight,
/// h.0.attn.c_attn.weight [in, out], ..., ln_f.bias.
class Gpt2 {
public:
  Gpt2(Graph &graph, const Gpt2Options &options, Location at = Location::current());
  /// tokens i32[b, t], t <= context -> logits [b, t, vocabulary].
  Tensor operator()(Arg tokens) const;
  /// tokens i32[b, t] at positions start, start + 1, ... (start i32[], start + t <= context) -> the
  /// last layer [b, t, features]. Keys and values of what comes before are variables of the graph,
  /// h.0.cache.key [b, heads, features / heads, context], h.0.cache.value [b, heads, context,
  /// features / heads], ..., which this call extends in place; at most once a graph.
  Tensor extend(Arg tokens, Arg start) const;
  /// hidden [..., features] -> [..., vocabulary]
  Tensor logits(Arg hidden) const;

private:
  struct Norm {
    Tensor weight, bias;
  };
  struct Block {
    Norm norm1;
    nn::Linear qkv, out;
    Norm norm2;
    nn::Linear up, down;
  };
  /// From queries, keys and values [b, heads, t, d] of layer `i`.
  using Mix = std::function<Tensor(size_t i, const Tensor &q, const Tensor &k, const Tensor &v)>;
  Norm norm(Graph &graph, const std::string &name, Location at) const;
  Tensor normed(const Norm &norm, const Tensor &x) const;
  Tensor run(Tensor h, const Mix &mix) const; ///< the last layer, normed
  void checkTokens(const Arg &tokens) const;

  Gpt2Options options;
  nn::Embedding tokenTable, positionTable;
  std::vector<Block> blocks;
  Norm finalNorm;
};

/// inputs "tokens" i32[batch, length]; output "logits".
Graph gpt2Forward(const Gpt2Options &model, int64_t batch, int64_t length,
                  Location at = Location::current());
/// Also "targets" i32[batch, length]; output "loss", the mean cross-entropy; trained by
/// `optimizer`.
Graph gpt2Training(const Gpt2Options &model, int64_t batch, int64_t length,
                   const nn::Optimizer &optimizer, uint64_t seed,
                   Location at = Location::current());
/// inputs "tokens" i32[batch, length], "start" i32[], "last" i32[] (for length > 1); output
/// "logits" [batch, vocabulary] after token `last` of these. Programs of several lengths that share
/// their variables share the cache.
Graph gpt2Extension(const Gpt2Options &model, int64_t batch, int64_t length,
                    Location at = Location::current());

} // namespace weir::models
