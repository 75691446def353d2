// Attention to a cache of keys and values, which are variables of the graph that a run extends in
// place.
#pragma once

#include "frontend/nn/layers.h"

namespace weir::models {

class CachedAttention {
public:
  /// For tokens i32[b, t] at positions start, start + 1, ...; start + t <= context.
  CachedAttention(const Tensor &tokens, const Tensor &start, int64_t context, DType dtype);
  /// Queries, keys and values [b, heads, t, d] -> [b, heads, t, d]. The cache of a layer is
  /// NAME.key [b, heads, d, context] and NAME.value [b, heads, context, d]; at most one call a
  /// graph for each.
  Tensor operator()(const std::string &name, const Tensor &q, const Tensor &k,
                    const Tensor &v) const;

private:
  /// The variable with `update` put into it.
  Tensor extended(const std::string &name, Shape shape, const Tensor &update,
                  const std::vector<Arg> &at) const;

  mutable Graph graph;
  Tensor start, bias;
  int64_t context;
  DType dtype;
};

} // namespace weir::models
