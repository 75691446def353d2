// Attention in blocks, as a loop in which keys and values change places. On a mesh whose devices
// have a block each the change of places is a message to the next one; nothing here knows of
// meshes.
#include "frontend/api/control.h"
#include "frontend/api/graph.h"
#include "frontend/nn/functional.h"
#include "frontend/nn/need.h"

#include <cmath>
#include <numeric>

namespace weir::nn {
namespace {

class Ring {
public:
  Ring(const Tensor &query, int64_t blocks, bool causal)
      : graph(query.graph()), blocks(blocks), length(query.dim(-2) / blocks),
        scale(1 / std::sqrt(static_cast<double>(query.dim(-1)))), causal(causal), q(blocked(query)),
        at(q.rank() - 3) {
    for (int64_t d = 0; d + 2 < q.rank(); ++d) batch.push_back(d);
  }

  Tensor attend(const Tensor &key, const Tensor &value) {
    Shape row = q.shape();
    row.back() = 1;
    const Tensor none = graph.zeros(row, q.dtype());
    // Keys, values, the largest score so far, and what is to be divided at the end.
    TensorList state{blocked(key), blocked(value), none - 1e30, none,
                     graph.zeros(q.shape(), q.dtype())};
    state = met(state, graph.scalar(0, i32));
    const Tensor steps = graph.iota(i32, {blocks - 1}, 0) + 1;
    state = scan(state, {steps}, [&](const TensorList &carries, const TensorList &xs) {
              TensorList next = carries;
              for (int i : {0, 1}) next[i] = gather(carries[i], neighbours(), at);
              return Scanned{met(next, xs[0]), {}};
            }).carries;
    const Tensor mixed = state[4] / state[3];
    Shape joined = mixed.shape();
    joined[at] *= joined[at + 1];
    joined.erase(joined.begin() + at + 1);
    return reshape(mixed, joined);
  }

private:
  /// [..., t, d] -> [..., blocks, t / blocks, d].
  Tensor blocked(const Tensor &x) const {
    Shape shape = x.shape();
    shape.insert(shape.end() - 2, blocks);
    shape[shape.size() - 2] = length;
    return reshape(x, shape);
  }

  /// Whose keys each block gets next.
  Tensor neighbours() {
    std::vector<int32_t> next(static_cast<size_t>(blocks));
    std::iota(next.begin(), next.end(), 1);
    next.back() = 0;
    return graph.constant(Array::from<int32_t>({blocks}, next));
  }

  /// Which keys of block i + `step` each query of block i sees: [blocks, length, length].
  Tensor visible(const Tensor &step) {
    const Shape all{blocks, length, length};
    const Tensor block = graph.iota(i32, all, 0), key = block + step;
    const Tensor keyBlock = select(key >= blocks, key - blocks, key);
    return keyBlock * length + graph.iota(i32, all, 2) <= block * length + graph.iota(i32, all, 1);
  }

  TensorList met(const TensorList &state, const Tensor &step) {
    const int64_t last = q.rank() - 1;
    Tensor scores = dot(q, state[0], {batch, batch, {last}, {last}}) * scale;
    if (causal) scores = select(visible(step), scores, -1e30);
    const Tensor most = max(state[2], stopGradient(reduceMax(scores, -1, true)));
    const Tensor weights = exp(scores - most), fade = exp(state[2] - most);
    return {state[0], state[1], most, state[3] * fade + reduceSum(weights, -1, true),
            state[4] * fade + matmul(weights, state[1])};
  }

  Graph graph;
  int64_t blocks, length;
  double scale;
  bool causal;
  Tensor q;
  int64_t at; ///< the dim of blocks
  std::vector<int64_t> batch;
};

} // namespace

Tensor ringAttention(Arg query, Arg key, Arg value, int64_t blocks, bool causal) {
  CallScope scope(query.at);
  const Tensor q = need("ringAttention", query), k = need("ringAttention", key),
               v = need("ringAttention", value);
  if (q.rank() < 2 || k.type() != q.type() || v.type() != q.type())
    throw Error("ringAttention: query is " + q.type().str() + ", key " + k.type().str() +
                    ", value " + v.type().str() + "; they must be one type, [..., t, d]",
                query.at, {noteOn(q, "query"), noteOn(k, "key"), noteOn(v, "value")});
  if (blocks < 1 || q.dim(-2) % blocks)
    throw Error("ringAttention: " + std::to_string(q.dim(-2)) + " positions do not divide into " +
                    std::to_string(blocks) + " blocks",
                query.at);
  return blocks == 1 ? attention(q, k, v, causal) : Ring(q, blocks, causal).attend(k, v);
}

} // namespace weir::nn
