#include "frontend/models/cached_attention.h"

#include <cmath>

namespace weir::models {

CachedAttention::CachedAttention(const Tensor &tokens, const Tensor &start, int64_t context,
                                 DType dtype)
    : graph(tokens.graph()), start(start), context(context), dtype(dtype) {
  // Token i sees the cache up to position start + i; what is there beyond is of no run of tokens.
  const Shape square{tokens.dim(1), context};
  bias = select(graph.iota(i32, square, 1) <= graph.iota(i32, square, 0) + start,
                graph.zeros(square, dtype), -1e30);
}

Tensor CachedAttention::extended(const std::string &name, Shape shape, const Tensor &update,
                                 const std::vector<Arg> &at) const {
  const TensorType type{dtype, std::move(shape)};
  const Tensor before = graph.variable(
      name, type, [type] { return Array::zeros(type.dtype, type.shape); }, /*trainable=*/false);
  const Tensor after = dynamicUpdateSlice(before, update, at);
  graph.assign(before, after);
  return after;
}

Tensor CachedAttention::operator()(const std::string &name, const Tensor &q, const Tensor &k,
                                   const Tensor &v) const {
  const int64_t b = q.dim(0), heads = q.dim(1), d = q.dim(3);
  // Keys lie as the product with queries reads them.
  const Tensor keys = extended(name + ".key", {b, heads, d, context}, transpose(k, {0, 1, 3, 2}),
                               {0, 0, 0, start}),
               values = extended(name + ".value", {b, heads, context, d}, v, {0, 0, start, 0});
  const Tensor scores = matmul(q, keys) * (1 / std::sqrt(static_cast<double>(d))) + bias;
  return matmul(nn::softmax(scores), values);
}

} // namespace weir::models
