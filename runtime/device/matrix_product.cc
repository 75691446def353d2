// Sizes, and three loops with rows of the right operand innermost.
#include "runtime/device/matrix_product.h"

#include <vector>

namespace weir::runtime {

std::optional<MatrixProductBytes> bytesOf(const MatrixProduct &p) {
  if (!isFloat(p.dtype) || p.batch < 1 || p.rows < 1 || p.columns < 1 || p.depth < 1 ||
      (p.isTf32 && p.dtype != DType::F32))
    return std::nullopt;
  const auto size = static_cast<int64_t>(dtypeBytes(p.dtype));
  auto bytes = [&](int64_t a, int64_t b) { return elementCount({p.batch, a, b, size}); };
  auto lhs = bytes(p.rows, p.depth), rhs = bytes(p.depth, p.columns),
       result = bytes(p.rows, p.columns);
  if (!lhs || !rhs || !result) return std::nullopt;
  return MatrixProductBytes{*lhs, *rhs, *result};
}

namespace {

template <typename T> void multiply(const MatrixProduct &p, const T *lhs, const T *rhs, T *result) {
  std::vector<double> sums(static_cast<size_t>(p.columns));
  std::vector<double> right(static_cast<size_t>(p.depth * p.columns));
  for (int64_t k = 0; k < p.depth; ++k)
    for (int64_t j = 0; j < p.columns; ++j)
      right[k * p.columns + j] =
          static_cast<double>(rhs[p.isRhsTransposed ? j * p.depth + k : k * p.columns + j]);
  for (int64_t i = 0; i < p.rows; ++i) {
    sums.assign(sums.size(), 0);
    for (int64_t k = 0; k < p.depth; ++k) {
      const auto left =
          static_cast<double>(lhs[p.isLhsTransposed ? k * p.rows + i : i * p.depth + k]);
      for (int64_t j = 0; j < p.columns; ++j) sums[j] += left * right[k * p.columns + j];
    }
    for (int64_t j = 0; j < p.columns; ++j) result[i * p.columns + j] = static_cast<T>(sums[j]);
  }
}

template <typename T>
void multiplyBatch(const MatrixProduct &p, const void *lhs, const void *rhs, void *result) {
  for (int64_t b = 0; b < p.batch; ++b)
    multiply(p, static_cast<const T *>(lhs) + b * p.rows * p.depth,
             static_cast<const T *>(rhs) + b * p.depth * p.columns,
             static_cast<T *>(result) + b * p.rows * p.columns);
}

} // namespace

void multiplyPlainly(const MatrixProduct &p, const void *lhs, const void *rhs, void *result) {
  if (p.dtype == DType::F16) return multiplyBatch<Half>(p, lhs, rhs, result);
  if (p.dtype == DType::BF16) return multiplyBatch<BFloat16>(p, lhs, rhs, result);
  if (p.dtype == DType::F32) return multiplyBatch<float>(p, lhs, rhs, result);
  if (p.dtype == DType::F64) return multiplyBatch<double>(p, lhs, rhs, result);
}

} // namespace weir::runtime
