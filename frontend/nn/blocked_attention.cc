#include "frontend/nn/blocked_attention.h"

#include "frontend/api/control.h"
#include "frontend/api/graph.h"
#include "frontend/nn/functional.h"
#include "frontend/nn/need.h"

#include <algorithm>
#include <cmath>

namespace weir::nn {
namespace {

constexpr double kHidden = -1e30; // the score of what is not seen

/// Queries [B, t, d] against keys [B, s, d] and values [B, s, e], block by block.
class Blocks {
public:
  Blocks(const Tensor &q, int64_t keys, const BlockedAttentionOptions &options)
      : options(options), batch(q.dim(0)), queries(q.dim(1)), keys(keys),
        scale(1 / std::sqrt(static_cast<double>(q.dim(2)))), narrow(q.dtype()),
        wide(narrow == f16 || narrow == bf16 ? f32 : narrow) {
    count = (keys + options.block - 1) / options.block;
  }

  /// -> o [B, t, e] and the logarithm of each row's sum [B, t, 1].
  TensorList forward(const Tensor &q, const Tensor &k, const Tensor &v) const {
    Graph graph = q.graph();
    const Shape column{batch, queries, 1};
    const TensorList inits{graph.full(column, kHidden, wide), graph.zeros(column, wide),
                           graph.zeros({batch, queries, v.dim(2)}, wide)};
    const auto body = [&](const TensorList &c, const TensorList &x) -> Scanned {
      const Tensor s = scores(q, x[0], x[2]), top = max(c[0], reduceMax(s, -1, true));
      const Tensor p = exp(s - top), shrink = exp(c[0] - top);
      const Tensor part = convert(dot(convert(p, narrow), x[1], {{0}, {0}, {2}, {1}}), wide);
      return {{top, c[1] * shrink + sum(p, -1, true), c[2] * shrink + part}, {}};
    };
    const TensorList c = scan(inits, {cut(k), cut(v), starts(graph)}, body).carries;
    return {convert(c[2] / c[1], narrow), c[0] + log(c[1])};
  }

  /// -> cotangents of q, k and v.
  TensorList backward(const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                      const Tensor &logSum, const Tensor &ct) const {
    Graph graph = q.graph();
    const Tensor shared = sum(convert(ct, wide) * convert(o, wide), -1, true);
    const auto body = [&](const TensorList &c, const TensorList &x) -> Scanned {
      const Tensor p = exp(scores(q, x[0], x[2]) - logSum);
      const Tensor dp = convert(dot(ct, x[1], {{0}, {0}, {2}, {2}}), wide);
      const Tensor ds = convert(p * (dp - shared) * scale, narrow);
      const Tensor dq = convert(dot(ds, x[0], {{0}, {0}, {2}, {1}}), wide);
      return {
          {c[0] + dq},
          {dot(ds, q, {{0}, {0}, {1}, {1}}), dot(convert(p, narrow), ct, {{0}, {0}, {1}, {1}})}};
    };
    const Scanned swept =
        scan({graph.zeros(q.shape(), wide)}, {cut(k), cut(v), starts(graph)}, body);
    return {convert(swept.carries[0], narrow), join(swept.ys[0]), join(swept.ys[1])};
  }

private:
  /// [B, s, n] -> [blocks, B, block, n]; the last one is filled up with zeros.
  Tensor cut(const Tensor &x) const {
    const int64_t missing = count * options.block - keys;
    const Tensor whole = missing ? pad(x, 0, {0, 0, 0}, {0, missing, 0}) : x;
    return transpose(reshape(whole, {batch, count, options.block, x.dim(2)}), {1, 0, 2, 3});
  }

  Tensor join(const Tensor &y) const {
    const Tensor whole =
        reshape(transpose(y, {1, 0, 2, 3}), {batch, count * options.block, y.dim(3)});
    return sliceDim(whole, 1, 0, keys);
  }

  /// The first key of each block.
  Tensor starts(Graph &graph) const { return graph.iota(i32, {count}) * options.block; }

  /// scale * q kT of the block from key `start` on, [B, t, block].
  Tensor scores(const Tensor &q, const Tensor &k, const Tensor &start) const {
    const Tensor s = convert(dot(q, k, {{0}, {0}, {2}, {2}}), wide) * scale;
    const bool isFilled = count * options.block != keys;
    if (!options.causal && !isFilled) return s;
    Graph graph = q.graph();
    const Shape square{queries, options.block};
    const Tensor key = graph.iota(i32, square, 1) + start;
    const Tensor last = graph.iota(i32, square, 0) + (keys - queries);
    // Rows end before the keys do, so what fills up the last block is never seen.
    const Tensor isSeen = options.causal ? key <= last : key < keys;
    return select(broadcast(isSeen, s.shape(), {1, 2}), s, kHidden);
  }

  BlockedAttentionOptions options;
  int64_t batch, queries, keys, count;
  double scale;
  DType narrow, wide;
};

void check(const Tensor &q, const Tensor &k, const Tensor &v, const BlockedAttentionOptions &o,
           Location at) {
  const int64_t rank = q.rank();
  auto fits = [&] {
    if (rank < 2 || k.rank() != rank || v.rank() != rank) return false;
    const int64_t keys = k.dim(-2);
    for (int64_t i = 0; i + 2 < rank; ++i)
      if (k.dim(i) != q.dim(i) || v.dim(i) != q.dim(i)) return false;
    return k.dim(-1) == q.dim(-1) && v.dim(-2) == keys && keys > 0 && q.dim(-1) > 0 &&
           (!o.causal || keys >= q.dim(-2));
  };
  if (!fits())
    throw Error("blockedAttention: query is " + q.type().str() + ", key " + k.type().str() +
                    ", value " + v.type().str() +
                    "; they must be [..., t, d], [..., keys, d] and [..., keys, e]" +
                    (o.causal ? ", with at least as many keys as queries" : ""),
                at, {noteOn(q, "query"), noteOn(k, "key"), noteOn(v, "value")});
  if (o.block < 1)
    throw Error("blockedAttention: blocks of " + std::to_string(o.block) + " keys", at);
}

} // namespace

Tensor blockedAttention(Arg query, Arg key, Arg value, BlockedAttentionOptions options) {
  CallScope scope(query.at);
  const Tensor q = need("blockedAttention", query), k = need("blockedAttention", key),
               v = need("blockedAttention", value);
  check(q, k, v, options, query.at);
  options.block = std::min(options.block, k.dim(-2));
  const auto flat = [](const Tensor &x) { return reshape(x, {-1, x.dim(-2), x.dim(-1)}); };
  const auto blocks = [options](const Tensor &q, const Tensor &k) {
    return Blocks(q, k.dim(1), options);
  };
  const Function plain(
      [=](Tensor q, Tensor k, Tensor v) { return blocks(q, k).forward(q, k, v)[0]; }, "attention");
  const Function forward(
      [=](Tensor q, Tensor k, Tensor v) {
        const TensorList made = blocks(q, k).forward(q, k, v);
        return TensorList{made[0], q, k, v, made[0], made[1]};
      },
      "attention_forward");
  const Function backward([=](Tensor q, Tensor k, Tensor v, Tensor o, Tensor logSum,
                              Tensor ct) { return blocks(q, k).backward(q, k, v, o, logSum, ct); },
                          "attention_backward");
  const Tensor mixed = customVjp(plain, forward, backward)(flat(q), flat(k), flat(v))[0];
  Shape shape = q.shape();
  shape.back() = v.dim(-1);
  return reshape(mixed, shape);
}

Tensor selfAttention(Arg query, Arg key, Arg value, bool causal) {
  CallScope scope(query.at);
  constexpr int64_t kManyPositions = 1024;
  const Tensor q = need("attention", query);
  if (q.rank() < 2 || q.dim(-2) < kManyPositions) return attention(q, key, value, causal);
  return blockedAttention(q, key, value, {.causal = causal});
}

} // namespace weir::nn
