// A decoder whose feed-forward layers are mixtures of experts, as Mixtral (Jiang et al. 2024): RMS
// norms, rotary positions, grouped key and value heads, gated experts (SiLU), no biases.
#pragma once

#include "frontend/nn/layers.h"
#include "frontend/nn/moe.h"
#include "frontend/nn/norms.h"
#include "frontend/nn/optimizer.h"

namespace weir::models {

struct MoeTransformerOptions {
  int64_t vocabulary = 32000, layers = 4, heads = 8, keyHeads = 2, features = 256, hidden = 512;
  int64_t experts = 8, topK = 2;
  /// Room of an expert relative to an even share; infinity drops no token.
  double capacityFactor = 1.25;
  double rotaryBase = 1e6;
  DType dtype = f32;
};
/// "tiny" (the defaults) or "8x7b" (Mixtral). Error: there is no such size.
MoeTransformerOptions moeTransformer(const std::string &size = "tiny",
                                     Location at = Location::current());

/// The parameters and the forward pass. Names: token.weight, layer0.norm1.scale,
/// layer0.query.weight [in, out], layer0.moe.router, ..., norm.scale, head.weight.
class MoeTransformer {
public:
  struct Result {
    Tensor logits;      ///< [b, t, vocabulary]
    Tensor balanceLoss; ///< mean over the layers; see nn::Moe
  };
  MoeTransformer(Graph &graph, const MoeTransformerOptions &options,
                 Location at = Location::current());
  /// tokens i32[b, t]
  Result operator()(Arg tokens) const;

private:
  struct Layer {
    nn::RmsNorm norm1;
    nn::Linear query, key, value, out;
    nn::RmsNorm norm2;
    nn::Moe moe;
  };
  Tensor attend(const Layer &layer, const Tensor &x) const;

  MoeTransformerOptions options;
  nn::Embedding tokens;
  std::vector<Layer> layers;
  nn::RmsNorm norm;
  nn::Linear head;
};

/// inputs "tokens" i32[batch, length]; output "logits".
Graph moeTransformerForward(const MoeTransformerOptions &model, int64_t batch, int64_t length,
                            Location at = Location::current());
/// Also "targets" i32[batch, length]; outputs "loss" and "balance_loss", of which 0.02 times is
/// trained too.
Graph moeTransformerTraining(const MoeTransformerOptions &model, int64_t batch, int64_t length,
                             const nn::Optimizer &optimizer, uint64_t seed,
                             Location at = Location::current());

} // namespace weir::models
