// What a library of dots does where a kernel would: a product of dense row-major matrices, once or
// for each of a batch. Plain data, which the compiler writes and a device takes.
#pragma once

#include "runtime/base/dtype.h"

#include <cstdint>
#include <optional>

namespace weir::runtime {

/// result[batch, rows, columns] = lhs[batch, rows, depth] x rhs[batch, depth, columns]. Operands
/// and result have one type; sums of f16 and bf16 are of f32, and rounded once.
struct MatrixProduct {
  DType dtype = DType::F32; // f16, bf16, f32, f64
  int64_t batch = 1, rows = 0, columns = 0, depth = 0;
  bool isLhsTransposed = false; // it lies as [batch, depth, rows]
  bool isRhsTransposed = false; // it lies as [batch, columns, depth]
  bool isTf32 = false;          // operands of f32 may be rounded to TF32: 10 bits of mantissa

  bool operator==(const MatrixProduct &) const = default;
};

struct MatrixProductBytes {
  int64_t lhs = 0, rhs = 0, result = 0;
};
/// Nothing for a type or sizes that no product has.
std::optional<MatrixProductBytes> bytesOf(const MatrixProduct &product);

/// The product by plain loops, for what stands in for a GPU. Sums are in f64.
void multiplyPlainly(const MatrixProduct &product, const void *lhs, const void *rhs, void *result);

} // namespace weir::runtime
