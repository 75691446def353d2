// Linear attention: a recurrence over the steps, whose state is a matrix for each head.
#include "frontend/import/onnx/node.h"

#include "frontend/api/control.h"

#include <cmath>

namespace weir::onnx {
namespace {

/// [b, t, heads * d] as [t, b, heads, d].
Tensor byStep(Node &node, const Tensor &x, int64_t heads) {
  if (x.rank() != 3 || heads < 1 || x.dim(2) % heads != 0)
    node.fail("an operand must be [b, t, heads * d]");
  return transpose(reshape(x, {x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {1, 0, 2, 3});
}

TensorList linearAttention(Node &node) {
  node.expectOperands(3, 6);
  const int64_t qHeads = node.integer("q_num_heads"), heads = node.integer("kv_num_heads");
  const std::string rule = node.string("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear")
    node.fail("update_rule '" + rule + "' is not supported");
  const DType dtype = node[0].dtype();
  auto steps = [&](size_t i, int64_t count) { return widened(byStep(node, node[i], count)); };
  const Tensor q = steps(0, qHeads), k = steps(1, heads), v = steps(2, heads);
  if (heads < 1 || qHeads % heads != 0) node.fail("query heads must be shared evenly");
  const int64_t b = q.dim(1), dk = k.dim(3), dv = v.dim(3);
  double scale = node.real("scale", 0.0);
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(q.dim(3)));
  TensorList xs{q, k, v};
  if (gated) xs.push_back(steps(4, heads));
  if (delta) xs.push_back(steps(5, node[5].dim(2) == 1 ? 1 : heads));
  Tensor state = node.graph.full({b, heads, dk, dv}, 0, q.dtype());
  if (node.has(3)) state = widened(node[3]);
  auto body = [&](const TensorList &carries, const TensorList &x) {
    Tensor s = carries[0];
    const Tensor column = expandDims(x[1], -1); // [b, heads, dk, 1]
    if (gated) s = s * exp(expandDims(x[3], -1));
    Tensor value = expandDims(x[2], 2); // [b, heads, 1, dv]
    if (delta) {
      const Tensor beta = expandDims(x.back(), -1);
      value = (value - reduceSum(s * column, 2, true)) * beta;
    }
    s = s + column * value;
    const Tensor query = reshape(x[0], {b, heads, qHeads / heads, dk});
    return Scanned{{s}, {reshape(matmul(query, s) * scale, {b, qHeads * dv})}};
  };
  const Scanned done = scan({state}, xs, body);
  const Tensor y = transpose(done.ys[0], {1, 0, 2});
  const DType kept = node.has(3) ? node[3].dtype() : dtype;
  return {convert(y, dtype), convert(done.carries[0], kept)};
}

} // namespace

void addLinearAttentionRules(Rules &rules) {
  rules.insert({"LinearAttention", linearAttention});
}

} // namespace weir::onnx
