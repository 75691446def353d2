// Layers whose parameters have the names and layouts of PyTorch's checkpoints, so that published
// weights load as they are: a dense layer's matrix is [out, in]. No model of its own.
#pragma once

#include "frontend/nn/layers.h"

namespace weir::models {

/// x·weightᵀ + bias. Parameters: NAME.weight [out, in], NAME.bias [out].
class TorchLinear {
public:
  TorchLinear(Graph &graph, const std::string &name, int64_t in, int64_t out,
              nn::LinearOptions options = {}, Location at = Location::current());
  Tensor operator()(Arg x) const;
  Tensor weight, bias; ///< bias is empty without options.bias.
};

/// Layer norm over the last dim. Parameters: NAME.weight, NAME.bias [features].
class TorchLayerNorm {
public:
  TorchLayerNorm(Graph &graph, const std::string &name, int64_t features, double epsilon,
                 DType dtype = f32, Location at = Location::current());
  Tensor operator()(Arg x) const;
  Tensor weight, bias;
  double epsilon;
};

/// RMS norm over the last dim. Parameter: NAME.weight [features].
class TorchRmsNorm {
public:
  TorchRmsNorm(Graph &graph, const std::string &name, int64_t features, double epsilon,
               DType dtype = f32, Location at = Location::current());
  Tensor operator()(Arg x) const;
  Tensor weight;
  double epsilon;
};

/// x·tableᵀ over the last dim: logits from a tied embedding [count, features].
Tensor timesTransposed(const Tensor &x, const Tensor &table);
/// [b, t, heads · d] -> [b, heads, t, d], and back.
Tensor splitHeads(const Tensor &x, int64_t heads);
Tensor joinHeads(const Tensor &x);

} // namespace weir::models
