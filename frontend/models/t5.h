// T5 (Raffel et al. 2020): an encoder and a decoder with relative position biases and RMS norms,
// under the key names of its published weights (version 1.0: ReLU, logits from the token table).
#pragma once

#include "frontend/models/torch_parts.h"
#include "frontend/nn/optimizer.h"

#include <optional>

namespace weir::models {

struct T5Options {
  int64_t vocabulary = 32128, layers = 6, heads = 8, features = 512, headFeatures = 64;
  int64_t hidden = 2048;
  int64_t buckets = 32, maxDistance = 128; ///< of relative positions
  DType dtype = f32;
};
/// "small" or "base". Error: there is no such size.
T5Options t5(const std::string &size = "small", Location at = Location::current());

/// The bucket of a key that is `distance` positions after its query (negative: before): one each
/// for near ones, then wider ones in logarithmic steps up to maxDistance. bothWays: half of the
/// buckets are for later keys; otherwise later keys count as the query's own position.
int64_t relativeBucket(int64_t distance, bool bothWays, int64_t buckets, int64_t maxDistance);

/// The parameters and the forward pass. Names: shared.weight,
/// encoder.block.0.layer.0.SelfAttention.q.weight [out, in], ..., decoder.final_layer_norm.weight.
class T5 {
public:
  T5(Graph &graph, const T5Options &options, Location at = Location::current());
  /// ids, mask: integers [b, t], mask 1 where there is a token -> [b, t, features].
  Tensor encode(Arg ids, Arg mask) const;
  /// targets: integers [b, s]; encoded [b, t, features], mask [b, t] -> logits [b, s, vocabulary].
  Tensor decode(Arg targets, Arg encoded, Arg mask) const;

private:
  struct Attention {
    TorchRmsNorm norm;
    TorchLinear query, key, value, out;
  };
  struct Layer {
    Attention self;
    std::optional<Attention> cross;
    TorchRmsNorm norm;
    TorchLinear up, down;
  };
  struct Stack {
    std::vector<Layer> layers;
    nn::Embedding relative; ///< [buckets, heads]
    TorchRmsNorm norm;
  };
  static Stack stack(Graph &graph, const std::string &name, bool isDecoder, const T5Options &o,
                     Location at);
  static Attention attention(Graph &graph, const std::string &name, const char *kind,
                             const T5Options &o, Location at);
  /// [1, heads, t, t]
  Tensor positionBias(const Stack &stack, int64_t t, bool bothWays) const;
  Tensor attend(const Attention &attention, const Tensor &x, const Tensor &memory,
                const Tensor &bias) const;
  Tensor feedForward(const Layer &layer, const Tensor &x) const;

  T5Options options;
  nn::Embedding shared;
  Stack encoder, decoder;
};

/// inputs "input_ids", "attention_mask" i32[batch, length], "decoder_input_ids" i32[batch,
/// targetLength]; output "logits" [batch, targetLength, vocabulary].
Graph t5Forward(const T5Options &model, int64_t batch, int64_t length, int64_t targetLength,
                Location at = Location::current());
/// Also "labels" i32[batch, targetLength]; output "loss"; trained by `optimizer`.
Graph t5Training(const T5Options &model, int64_t batch, int64_t length, int64_t targetLength,
                 const nn::Optimizer &optimizer, uint64_t seed, Location at = Location::current());

} // namespace weir::models
