// A mixture of experts: a router sends each token to the top k of E two-layer networks, each of
// which takes at most `capacity` tokens. Tokens travel by index (scatter to the experts' rows,
// gather back), not by products with one-hot masks.
#pragma once

#include "frontend/nn/layers.h"

#include <limits>

namespace weir::nn {

struct MoeOptions {
  int64_t topK = 2;
  /// An expert has room for ceil(capacityFactor · tokens · topK / experts) tokens; infinity: for
  /// all, nothing is dropped.
  double capacityFactor = 1.25;
  /// The weights of a token's experts are divided by their sum (GShard, topK > 1 only); otherwise
  /// they are the router's probabilities (Switch).
  bool normalize = true;
  Activation activation = Activation::Gelu;
  bool bias = true;
  /// An expert has a third matrix: (activation(x·gate) * (x·up))·down.  Source: Shazeer 2020 (GLU
  /// variants).
  bool gated = false;
  Initializer weight = kaiming(); ///< of one expert's matrices
  Initializer routerWeight = normal(0.02);
  DType dtype = f32; ///< The router computes in f32 at least (Fedus et al. 2022, section 2.4).
};

/// For a token x: p = softmax(x·router); for its topK largest p_e, y = Σ_e w_e · expert_e(x), where
/// an expert is activation(x·up + upBias)·down + downBias. When more tokens choose an expert than
/// it has room for, first choices come before second ones, and of equal choices the earlier token
/// first; a choice without room is dropped and adds nothing.
/// Source: Lepikhin et al. 2020 (GShard, algorithm 1), Fedus et al. 2022 (Switch Transformer,
/// section 2.2).
/// Parameters: NAME.router [features, experts], NAME.up [experts, features, hidden], NAME.up_bias
/// [experts, hidden], NAME.down [experts, hidden, features], NAME.down_bias [experts, features];
/// gated: NAME.gate [experts, features, hidden].
class Moe {
public:
  struct Result {
    Tensor output; ///< x's type
    /// E · Σ_e f_e · P_e: f_e is the share of tokens whose first choice is e, P_e the mean of
    /// p_e; 1 when both are even. To be added to the loss, times 0.01 or so. Source: Switch
    /// Transformer, equations 4 to 6 (GShard's l_aux is 1/E² of it).
    Tensor balanceLoss;
    Tensor assigned; ///< i32[experts], choices of each expert, dropped ones too
    Tensor dropped;  ///< i32, Σ_e max(0, assigned_e - capacity)
  };

  Moe(Graph &graph, const std::string &name, int64_t features, int64_t hidden, int64_t experts,
      MoeOptions options = {}, Location at = Location::current());
  /// x [..., features]; all leading dims are tokens.
  Result operator()(Arg x) const;
  /// Tokens that an expert has room for when `tokens` are routed.
  int64_t capacity(int64_t tokens) const;
  int64_t experts() const { return router.dim(1); }

  std::string name;
  Tensor router, up, upBias, down, downBias, gate; ///< Empty: not among the options.
  MoeOptions options;

private:
  /// Rows [experts · room, features] -> the same, row e·room + i by expert e.
  Tensor runExperts(const Tensor &rows, int64_t room) const;
};

} // namespace weir::nn
