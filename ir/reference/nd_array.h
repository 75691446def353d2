// The interpreter's own tensors. A float is held as a double and an integer or boolean as an
// int64_t, whatever the declared dtype, so that every op is written once; store() brings an element
// back to what the dtype can hold.
#pragma once

#include "ir/interfaces/dtype.h"
#include "runtime/base/host_tensor.h"

#include "mlir/IR/BuiltinTypes.h"

#include <optional>
#include <vector>

namespace weir::ir::reference {

/// One element: `f` of a float dtype, `i` of the others. A boolean is 0 or 1, an unsigned integer
/// is its value, or for ui64 its bits.
struct Scalar {
  double f = 0;
  int64_t i = 0;
};

struct Mode {
  bool widen = false;  // floats keep f64 whatever the dtype
  bool bounds = false; // errors are tracked
};

struct NdArray {
  runtime::DType dtype;
  llvm::SmallVector<int64_t> dims;
  std::vector<double> floats; // one of these two is used, row-major
  std::vector<int64_t> ints;
  /// Bound on |implementation − this|, element by element; empty: 0. Of an integer it is 0 (equal)
  /// or infinity.
  std::vector<double> errors;

  NdArray() = default;
  /// Zeros. The type's element type must be supported (dtypeOf).
  explicit NdArray(mlir::RankedTensorType type);
  NdArray(runtime::DType dtype, llvm::ArrayRef<int64_t> dims);

  bool isFloat() const;
  int64_t rank() const { return dims.size(); }
  int64_t size() const;
  Scalar at(int64_t flat) const;
  double errorAt(int64_t flat) const { return errors.empty() ? 0.0 : errors[flat]; }
  /// Wraps an integer to the dtype's width; rounds a float to the dtype unless `mode` widens.
  void store(int64_t flat, Scalar value, Mode mode);
  void setError(int64_t flat, double error);
};

/// Bits of an integer dtype, 1 for a boolean.
int widthOf(runtime::DType dtype);
/// The low bits of `value` as a Scalar's `i` of an integer dtype.
int64_t wrap(int64_t value, runtime::DType dtype);
/// The two's complement number of the low `width` bits.
int64_t signExtend(int64_t value, int width);
/// The least and the largest element of an integer dtype, as a Scalar's `i`.
int64_t smallest(runtime::DType dtype);
int64_t largest(runtime::DType dtype);

/// `tensor` as the interpreter holds it; it must have the dtype of `type`, or F64 for a float when
/// `mode` widens.
std::optional<NdArray> fromHost(const runtime::HostTensor &tensor, mlir::RankedTensorType type,
                                Mode mode);
runtime::HostTensor toHost(const NdArray &array, Mode mode);
runtime::HostTensor errorsToHost(const NdArray &array);

/// Row-major strides, in elements.
llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> dims);
/// Σ index·stride.
int64_t flatten(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> strides);
/// Calls `visit(index, flat)` for each index below `dims`, row-major.
void forEachIndex(llvm::ArrayRef<int64_t> dims,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>, int64_t)> visit);

/// What the numeric contract allows one op of this dtype that adds `count` terms of total magnitude
/// `terms`: 4·eps·√count·terms, or 1e-12·terms for f64, and the smallest normal number for results
/// that underflow.
double contractError(runtime::DType dtype, double terms, double count = 1);
/// |b − a| where equal infinities and two NaNs are equal; infinity where only one of them is
/// finite.
double distance(double a, double b);

} // namespace weir::ir::reference
