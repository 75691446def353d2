// Storage of the interpreter's tensors, their way from and to host tensors, and the numeric
// contract's one formula.
#include "ir/reference/nd_array.h"

#include <cmath>
#include <limits>
#include <optional>

namespace weir::ir::reference {

using runtime::DType;
using runtime::HostTensor;

static int64_t product(llvm::ArrayRef<int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

NdArray::NdArray(mlir::RankedTensorType type)
    : NdArray(*dtypeOf(type.getElementType()), type.getShape()) {}

NdArray::NdArray(DType dtype, llvm::ArrayRef<int64_t> dims) : dtype(dtype), dims(dims) {
  if (isFloat())
    floats.resize(size());
  else
    ints.resize(size());
}

bool NdArray::isFloat() const {
  return runtime::isFloat(dtype);
}

int64_t NdArray::size() const {
  return product(dims);
}

Scalar NdArray::at(int64_t flat) const {
  if (isFloat()) return {floats[flat], 0};
  return {0.0, ints[flat]};
}

void NdArray::store(int64_t flat, Scalar value, Mode mode) {
  if (!isFloat())
    ints[flat] = wrap(value.i, dtype);
  else
    floats[flat] = mode.widen ? value.f : runtime::roundTo(dtype, value.f);
}

void NdArray::setError(int64_t flat, double error) {
  if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
  if (error == 0 && errors.empty()) return;
  if (errors.empty()) errors.resize(size());
  errors[flat] = error;
}

int widthOf(DType dtype) {
  return dtype == DType::I1 ? 1 : 8 * runtime::dtypeBytes(dtype);
}

int64_t wrap(int64_t value, DType dtype) {
  int width = widthOf(dtype);
  bool isUnsigned = dtype == DType::I1 || runtime::isUnsigned(dtype);
  if (!isUnsigned) return signExtend(value, width);
  return width == 64 ? value : value & ((int64_t(1) << width) - 1);
}

int64_t signExtend(int64_t value, int width) {
  if (width >= 64) return value;
  uint64_t sign = uint64_t(1) << (width - 1), low = uint64_t(value) & (2 * sign - 1);
  return static_cast<int64_t>((low ^ sign) - sign);
}

int64_t smallest(DType dtype) {
  bool isUnsigned = dtype == DType::I1 || runtime::isUnsigned(dtype);
  return isUnsigned ? 0 : signExtend(int64_t(1) << (widthOf(dtype) - 1), widthOf(dtype));
}

int64_t largest(DType dtype) {
  return wrap(~smallest(dtype), dtype);
}

template <class T, class To>
static void copyElements(const HostTensor &tensor, std::vector<To> &to) {
  auto from = tensor.data<T>();
  for (size_t k = 0; k < to.size(); ++k) to[k] = static_cast<To>(from[k]);
}

std::optional<NdArray> fromHost(const HostTensor &tensor, mlir::RankedTensorType type, Mode mode) {
  NdArray array(type);
  bool widened = mode.widen && array.isFloat() && tensor.dtype() == DType::F64;
  if ((tensor.dtype() != array.dtype && !widened) ||
      llvm::ArrayRef<int64_t>(array.dims) != llvm::ArrayRef<int64_t>(tensor.dims()))
    return std::nullopt;
  runtime::visitDType(tensor.dtype(), [&](auto tag) {
    if (array.isFloat())
      copyElements<decltype(tag)>(tensor, array.floats);
    else
      copyElements<decltype(tag)>(tensor, array.ints);
  });
  return array;
}

template <class T, class From>
static HostTensor fromElements(llvm::ArrayRef<int64_t> dims, const std::vector<From> &from) {
  HostTensor tensor = HostTensor::zeros(runtime::dtypeOf<T>(), {dims.begin(), dims.end()});
  auto to = tensor.mutableData<T>();
  for (size_t k = 0; k < from.size(); ++k) to[k] = static_cast<T>(from[k]);
  return tensor;
}

HostTensor toHost(const NdArray &array, Mode mode) {
  DType dtype = array.isFloat() && mode.widen ? DType::F64 : array.dtype;
  return runtime::visitDType(dtype, [&](auto tag) {
    using T = decltype(tag);
    return array.isFloat() ? fromElements<T>(array.dims, array.floats)
                           : fromElements<T>(array.dims, array.ints);
  });
}

HostTensor errorsToHost(const NdArray &array) {
  std::vector<double> errors = array.errors;
  errors.resize(array.size());
  return fromElements<double>(array.dims, errors);
}

llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> dims) {
  llvm::SmallVector<int64_t> strides(dims.size(), 1);
  for (int64_t d = int64_t(dims.size()) - 2; d >= 0; --d) strides[d] = strides[d + 1] * dims[d + 1];
  return strides;
}

int64_t flatten(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> strides) {
  int64_t at = 0;
  for (size_t d = 0; d < index.size(); ++d) at += index[d] * strides[d];
  return at;
}

void forEachIndex(llvm::ArrayRef<int64_t> dims,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>, int64_t)> visit) {
  llvm::SmallVector<int64_t> index(dims.size(), 0);
  for (int64_t flat = 0, n = product(dims); flat < n; ++flat) {
    visit(index, flat);
    for (int64_t d = int64_t(dims.size()) - 1; d >= 0 && ++index[d] == dims[d]; --d) index[d] = 0;
  }
}

double contractError(DType dtype, double terms, double count) {
  if (!runtime::isFloat(dtype)) return 0;
  if (!std::isfinite(terms)) return 0; // an infinity or NaN must come out as such
  if (dtype == DType::F64) return 1e-12 * terms + std::numeric_limits<double>::min();
  double inF32 = 4 * double(std::numeric_limits<float>::epsilon()) * std::sqrt(count) * terms +
                 double(std::numeric_limits<float>::min());
  // A narrow float rounds what f32 gives once more; its least number is the error of underflow.
  double eps = dtype == DType::F16 ? 0x1p-10 : dtype == DType::BF16 ? 0x1p-7 : 0;
  double largest = dtype == DType::F16    ? 65504
                   : dtype == DType::BF16 ? 0x1.fep127
                                          : double(std::numeric_limits<float>::max());
  if (terms * (1 + eps) > largest) return std::numeric_limits<double>::infinity();
  return inF32 + eps * terms + (dtype == DType::F16 ? 0x1p-24 : 0);
}

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  double d = std::abs(a - b);
  return std::isfinite(d) ? d : std::numeric_limits<double>::infinity();
}

} // namespace weir::ir::reference
