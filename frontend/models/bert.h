// BERT's encoder (Devlin et al. 2019) under the key names of its published weights; sentence
// embeddings as MiniLM's (Wang et al. 2020) are taken from it.
#pragma once

#include "frontend/models/torch_parts.h"

namespace weir::models {

struct BertOptions {
  int64_t vocabulary = 30522, context = 512, types = 2;
  int64_t layers = 12, heads = 12, features = 768, hidden = 3072;
  DType dtype = f32;
};
/// "base", "large", or "minilm" (all-MiniLM-L6). Error: there is no such size.
BertOptions bert(const std::string &size = "base", Location at = Location::current());

/// The parameters and the forward pass. Names: embeddings.word_embeddings.weight,
/// encoder.layer.0.attention.self.query.weight [out, in], ..., pooler.dense.bias.
class Bert {
public:
  Bert(Graph &graph, const BertOptions &options, Location at = Location::current());
  /// ids, types: integers [b, t], t <= context; mask: integers [b, t], 1 where there is a token ->
  /// the last layer [b, t, features].
  Tensor operator()(Arg ids, Arg mask, Arg types) const;
  /// tanh of a dense layer over the first token of the last layer: [b, features].
  Tensor pooled(Arg hidden) const;

private:
  struct Layer {
    TorchLinear query, key, value, out;
    TorchLayerNorm norm1;
    TorchLinear up, down;
    TorchLayerNorm norm2;
  };
  BertOptions options;
  nn::Embedding words, positions, types;
  TorchLayerNorm norm;
  std::vector<Layer> layers;
  TorchLinear pooler;
};

/// The mean of hidden [b, t, features] over the tokens of `mask` [b, t], of length 1.
Tensor sentenceEmbedding(Arg hidden, Arg mask);

/// inputs "input_ids", "attention_mask", "token_type_ids" i32[batch, length]; outputs
/// "last_hidden", "pooled" and "embedding".
Graph bertForward(const BertOptions &model, int64_t batch, int64_t length,
                  Location at = Location::current());

} // namespace weir::models
