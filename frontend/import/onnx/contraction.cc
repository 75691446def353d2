// Products: MatMul, Gemm, Einsum, and determinants.
#include "frontend/import/onnx/node.h"
#include "frontend/nn/einsum.h"

namespace weir::onnx {
namespace {

TensorList matMul(Node &node) {
  node.expectOperands(2, 2);
  return {matmul(node[0], node[1])};
}

TensorList gemm(Node &node) {
  node.expectOperands(2, 3);
  Tensor a = node[0], b = node[1];
  if (a.rank() != 2 || b.rank() != 2) node.fail("needs matrices");
  if (node.flag("transA")) a = transpose(a);
  if (node.flag("transB")) b = transpose(b);
  const bool integers = !runtime::isFloat(a.dtype());
  const double alpha = node.real("alpha", 1.0), beta = node.real("beta", 1.0);
  if (integers && (alpha != 1 || beta != 1)) node.fail("scales integers");
  Tensor y = matmul(a, b);
  if (alpha != 1) y = y * alpha;
  if (!node.has(2)) return {y};
  return {y + (beta == 1 ? node[2] : node[2] * beta)};
}

TensorList einsumRule(Node &node) {
  std::string spec = node.string("equation", "");
  std::erase(spec, ' ');
  return {nn::einsum(spec, node.operands())};
}

/// By elimination without rows exchanged where the pivot is not small: each step takes the row with
/// the largest pivot, by a permutation matrix built from its position.
TensorList determinant(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  if (x.rank() < 2 || x.dim(-1) != x.dim(-2)) node.fail("needs square matrices");
  node.limit("the matrix", {x.dim(-1), 1 << 18});
  const int64_t n = x.dim(-1), count = product(x.shape(), 0, x.rank() - 2);
  Tensor m = reshape(x, {count, n, n});
  Tensor result = node.graph.full({count}, 1, x.dtype());
  for (int64_t k = 0; k < n; ++k) {
    const int64_t left = n - k; // m is [count, left, left]
    const Tensor column = reshape(sliceDim(m, 2, 0, 1), {count, left});
    const Tensor best = argmax(abs(column), 1);
    const Tensor row = node.graph.iota(i32, {count, left}, 1);
    // The pivot's row in front, and the first in its place.
    const Tensor from =
        select(row == 0, expandDims(best, 1), select(row == expandDims(best, 1), 0, row));
    const Tensor swapped = gather(m, from, 1, 1);
    const Tensor pivot = reshape(slice(swapped, {0, 0, 0}, {count, 1, 1}), {count});
    result = result * select(best == 0, pivot, -pivot);
    if (left == 1) break;
    const Tensor top = slice(swapped, {0, 0, 1}, {count, 1, left});
    const Tensor below = slice(swapped, {0, 1, 0}, {count, left, 1});
    const Tensor rest = slice(swapped, {0, 1, 1}, {count, left, left});
    const Tensor safe = reshape(select(pivot == 0, onesLike(pivot), pivot), {count, 1, 1});
    m = rest - below / safe * top;
  }
  return {reshape(result, part(x.shape(), 0, x.rank() - 2))};
}

} // namespace

void addContractionRules(Rules &rules) {
  const Rules own = {
      {"Det", determinant}, {"Einsum", einsumRule}, {"Gemm", gemm}, {"MatMul", matMul}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
