// DLRM (Naumov et al. 2019): dense features through a bottom MLP, one embedding table for each
// categorical feature, dot products of all pairs of these vectors, a top MLP; the chance of a
// click. Names as in the authors' code: emb_l.0.weight, bot_l.0.weight [out, in], top_l.4.bias.
#pragma once

#include "frontend/models/torch_parts.h"
#include "frontend/nn/optimizer.h"

namespace weir::models {

struct DlrmOptions {
  int64_t dense = 13;
  std::vector<int64_t> tables; ///< rows of each; empty: those of the Criteo Kaggle data
  std::vector<int64_t> bottom = {512, 256, 64}; ///< hidden sizes; the last layer has `features`
  std::vector<int64_t> top = {512, 256};        ///< hidden sizes; the last layer has one output
  int64_t features = 16;
  DType dtype = f32;
};

/// The parameters and the forward pass.
class Dlrm {
public:
  Dlrm(Graph &graph, const DlrmOptions &options = {}, Location at = Location::current());
  /// dense [b, options.dense], categories: integers [b, tables] -> logits [b].
  Tensor operator()(Arg dense, Arg categories) const;

private:
  std::vector<nn::Embedding> tables;
  std::vector<TorchLinear> bottom, top;
};

/// inputs "dense" [batch, options.dense], "categories" i32[batch, tables]; outputs "logits" and
/// "probability" [batch].
Graph dlrmForward(const DlrmOptions &model, int64_t batch, Location at = Location::current());
/// Also "y" [batch], 0 or 1; output "loss", the mean binary cross-entropy; trained by `optimizer`.
Graph dlrmTraining(const DlrmOptions &model, int64_t batch, const nn::Optimizer &optimizer,
                   uint64_t seed, Location at = Location::current());

} // namespace weir::models
