// Attention with its masks and caches, and rotary embeddings.
#include "frontend/import/onnx/node.h"

#include <cmath>
#include <limits>

namespace weir::onnx {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// [b, t, heads * d] as [b, heads, t, d].
Tensor splitHeads(Node &node, const Tensor &x, const char *attribute) {
  if (x.rank() == 4) return x;
  const int64_t heads = node.integer(attribute);
  if (x.rank() != 3 || heads < 1 || x.dim(2) % heads != 0)
    node.fail("an operand of 3 dims must divide into the heads");
  return transpose(reshape(x, {x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {0, 2, 1, 3});
}

/// Each head of keys or values for the queries that share it.
Tensor shared(Node &node, const Tensor &x, int64_t heads) {
  if (x.dim(1) == heads) return x;
  if (x.dim(1) < 1 || heads % x.dim(1) != 0) node.fail("query heads must be shared evenly");
  const int64_t times = heads / x.dim(1);
  const Tensor wide =
      broadcastTo(expandDims(x, 2), {x.dim(0), x.dim(1), times, x.dim(2), x.dim(3)});
  return reshape(wide, {x.dim(0), heads, x.dim(2), x.dim(3)});
}

/// Which keys each query may see: i1, broadcastable to [b, heads, q, k]; empty: all.
Tensor visible(Node &node, int64_t q, int64_t k, int64_t past) {
  const bool causal = node.flag("is_causal");
  const int64_t left = node.integer("left_window_size", -1);
  const int64_t right = node.integer("right_window_size", -1);
  const Tensor column = node.graph.iota(i64, {1, 1, q, k}, 3);
  Tensor row = node.graph.iota(i64, {1, 1, q, k}, 2) + past, allowed;
  auto also = [&](const Tensor &more) { allowed = allowed.empty() ? more : allowed & more; };
  if (node.has(6)) {
    const Tensor length = reshape(convert(node[6], i64), {node[6].size(), 1, 1, 1});
    if (past == 0) row = row + (length - q);
    also(column < length);
  }
  if (causal) also(column <= row);
  if (left >= 0) also(column >= row - left);
  if (right >= 0) also(column <= row + right);
  return allowed;
}

/// The mask as what is added to scores of [..., k].
Tensor biasOf(Node &node, const Tensor &mask, int64_t k, DType dtype) {
  Tensor bias = mask;
  if (mask.dtype() == i1)
    bias = select(mask, node.graph.scalar(0, dtype), node.graph.scalar(-inf, dtype));
  else if (mask.dtype() != dtype)
    bias = convert(mask, dtype);
  const int64_t missing = k - bias.dim(-1);
  if (missing <= 0 || bias.dim(-1) == 1) return bias;
  Shape low(static_cast<size_t>(bias.rank()), 0), high = low;
  high.back() = missing;
  return pad(bias, node.graph.scalar(-inf, dtype), low, high);
}

/// Rows that see nothing are zeros.
Tensor guardedSoftmax(const Tensor &scores) {
  const Tensor top = reduceMax(scores, -1, true);
  const Tensor e = exp(scores - select(top == -inf, zerosLike(top), top));
  const Tensor sum = reduceSum(e, -1, true);
  return e / select(sum == 0, onesLike(sum), sum);
}

TensorList attentionRule(Node &node) {
  node.expectOperands(3, 7);
  const bool packed = node[0].rank() == 3;
  const Tensor q = splitHeads(node, node[0], "q_num_heads");
  Tensor k = splitHeads(node, node[1], "kv_num_heads");
  Tensor v = splitHeads(node, node[2], "kv_num_heads");
  const DType dtype = q.dtype();
  int64_t past = 0;
  if (node.has(4) && node.has(5)) {
    past = node[4].dim(2);
    k = concatenate({node[4], k}, 2);
    v = concatenate({node[5], v}, 2);
  }
  const Tensor presentKey = k, presentValue = v;
  const int64_t heads = q.dim(1), queries = q.dim(2), keys = k.dim(2);
  const double scale = node.real("scale", 1 / std::sqrt(static_cast<double>(q.dim(3))));
  const double root = std::sqrt(scale);
  const Tensor turned = transpose(shared(node, k, heads), {0, 1, 3, 2});
  TensorList stages{matmul(q * root, turned * root)};
  const double cap = node.real("softcap", 0.0);
  stages.push_back(cap > 0 ? tanh(stages[0] / cap) * cap : stages[0]);
  Tensor scores = stages[1];
  if (node.has(3)) scores = scores + biasOf(node, node[3], keys, dtype);
  const Tensor allowed = visible(node, queries, keys, past);
  if (!allowed.empty())
    scores = select(broadcastTo(allowed, scores.shape()), scores, node.graph.scalar(-inf, dtype));
  stages.push_back(scores);
  const int64_t precision = node.integer("softmax_precision", 0);
  const Tensor wide = precision ? convert(scores, node.dtype(precision)) : widened(scores);
  const Tensor weights = convert(guardedSoftmax(wide), dtype);
  stages.push_back(weights);
  Tensor y = matmul(weights, shared(node, v, heads));
  if (packed) y = reshape(transpose(y, {0, 2, 1, 3}), {y.dim(0), queries, heads * y.dim(3)});
  const auto mode = static_cast<size_t>(node.integer("qk_matmul_output_mode", 0));
  return {y, presentKey, presentValue, stages.at(mode)};
}

/// With bodies that change the scores and the weights.
TensorList flexAttention(Node &node) {
  node.expectOperands(3, 3);
  const Tensor q = node[0];
  if (q.rank() != 4) node.fail("needs [b, heads, t, d]");
  const Tensor k = shared(node, node[1], q.dim(1)), v = shared(node, node[2], q.dim(1));
  const double scale = node.real("scale", 1 / std::sqrt(static_cast<double>(q.dim(3))));
  const DType precision = node.has("softmax_precision")
                              ? node.dtype(node.integer("softmax_precision"))
                          : q.dtype() == f64 ? f64
                                             : f32;
  auto changed = [&](const char *name, const Tensor &x) {
    if (!node.has(name)) return x;
    const Tensor y = runBody(node, node.body(name), {node.importer.wrap(x)}).at(0)->tensor;
    if (!(y.type() == x.type())) node.fail(std::string(name) + " must keep the type");
    return y;
  };
  const Tensor products = matmul(q, transpose(k, {0, 1, 3, 2})) * scale;
  const Tensor scores = changed("score_mod", convert(products, precision));
  const Tensor weights = changed("prob_mod", guardedSoftmax(scores));
  return {matmul(convert(weights, q.dtype()), v)};
}

/// Pairs of features turned by the angles of their position.
TensorList rotaryEmbedding(Node &node) {
  node.expectOperands(3, 4);
  const Tensor given = node[0];
  const Tensor x = splitHeads(node, given, "num_heads"); // [b, heads, t, d]
  const int64_t b = x.dim(0), heads = x.dim(1), t = x.dim(2), d = x.dim(3);
  const int64_t asked = node.integer("rotary_embedding_dim", 0), turned = asked ? asked : d;
  if (turned < 2 || turned > d || turned % 2 != 0)
    node.fail("turns " + std::to_string(turned) + " of " + std::to_string(d) + " features");
  auto angles = [&](size_t i) {
    const Tensor cache = node[i];
    const Tensor rows = node.has(3) ? take(cache, wrapIndices(node[3], cache.dim(0))) : cache;
    return expandDims(sliceDim(rows, 2, 0, turned / 2), 1); // [b, 1, t, turned / 2]
  };
  const Tensor cosine = angles(1), sine = angles(2);
  const Tensor head = sliceDim(x, 3, 0, turned);
  const bool interleaved = node.flag("interleaved");
  Tensor first, second;
  if (interleaved) {
    const Tensor pairs = reshape(head, {b, heads, t, turned / 2, 2});
    first = squeeze(sliceDim(pairs, 4, 0, 1), 4);
    second = squeeze(sliceDim(pairs, 4, 1, 2), 4);
  } else {
    first = sliceDim(head, 3, 0, turned / 2);
    second = sliceDim(head, 3, turned / 2, turned);
  }
  const Tensor re = first * cosine - second * sine, im = first * sine + second * cosine;
  Tensor y = interleaved
                 ? reshape(concatenate({expandDims(re, -1), expandDims(im, -1)}, 4), head.shape())
                 : concatenate({re, im}, 3);
  if (turned < d) y = concatenate({y, sliceDim(x, 3, turned, d)}, 3);
  if (given.rank() == 3) y = reshape(transpose(y, {0, 2, 1, 3}), given.shape());
  return {y};
}

} // namespace

void addAttentionRules(Rules &rules) {
  const Rules own = {{"Attention", attentionRule},
                     {"FlexAttention", flexAttention},
                     {"RotaryEmbedding", rotaryEmbedding}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
