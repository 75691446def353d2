//===- host_tensor.h - a dense tensor in host memory ------------*- C++ -*-===//
// The value that users feed and fetch (publicly `weir::Array`): element type, dims, row-major
// bytes. It is a value: copies are cheap because they share memory, and the first write to a shared
// tensor copies it. No arithmetic: computing is what graphs are for.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/base/dtype.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace weir::runtime {

/// Every member that is asked for something impossible (a wrong element type, a wrong number of
/// values, a negative dim) throws std::invalid_argument with both sides of the disagreement.
class HostTensor {
public:
  /// f32[0]: holds nothing.
  HostTensor() : HostTensor(DType::F32, {0}) {}
  /// Content unspecified.
  HostTensor(DType dtype, std::vector<int64_t> dims);
  /// Takes `bytes` as the content; their size must be what dtype and dims need.
  HostTensor(DType dtype, std::vector<int64_t> dims, Bytes bytes);

  static HostTensor zeros(DType dtype, std::vector<int64_t> dims);
  template <typename T> static HostTensor scalar(T value) { return full<T>({}, value); }
  template <typename T> static HostTensor full(std::vector<int64_t> dims, T value) {
    HostTensor tensor(dtypeOf<T>(), std::move(dims));
    std::ranges::fill(tensor.mutableData<T>(), value);
    return tensor;
  }
  /// `values` in row-major order, one for each element.
  template <typename T>
  static HostTensor from(std::vector<int64_t> dims, const std::vector<T> &values) {
    HostTensor tensor(dtypeOf<T>(), std::move(dims));
    tensor.requireCount(values.size());
    std::copy(values.begin(), values.end(), tensor.mutableData<T>().begin());
    return tensor;
  }

  DType dtype() const { return type; }
  const std::vector<int64_t> &dims() const { return shape; }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  /// Number of elements.
  int64_t size() const { return count; }
  size_t bytes() const { return memory.size(); }

  const void *raw() const { return memory.data(); }
  /// For writing; a tensor whose memory is shared gets its own first.
  void *mutableRaw();

  template <typename T> std::span<const T> data() const {
    requireType(dtypeOf<T>());
    return {static_cast<const T *>(raw()), static_cast<size_t>(count)};
  }
  /// For writing; a tensor whose memory is shared gets its own first.
  template <typename T> std::span<T> mutableData() {
    requireType(dtypeOf<T>());
    return {static_cast<T *>(mutableRaw()), static_cast<size_t>(count)};
  }
  /// The only element.
  template <typename T> T item() const {
    requireCount(1);
    return data<T>()[0];
  }
  /// Element `index` in row-major order, of whatever type, as f64 (i64 beyond 2^53 is rounded).
  double at(int64_t index) const;
  /// All elements as f64, in row-major order.
  std::vector<double> toDoubles() const;
  /// Each element converted as weir.convert does: floats round once, to nearest even; float to
  /// integer truncates and saturates, NaN is 0; i1 is `!= 0`.
  HostTensor cast(DType to) const;
  /// The same elements in other dims; shares memory.
  HostTensor reshaped(std::vector<int64_t> dims) const;

  /// True when type, dims and every bit agree.
  bool operator==(const HostTensor &other) const;

  /// "f32[128, 512]".
  std::string typeStr() const { return runtime::typeStr(type, shape); }
  /// "f32[2, 2] {1, 2, 3, 4}", shortened after `limit` elements.
  std::string str(int64_t limit = 16) const;

private:
  std::string elementStr(int64_t index) const;
  void requireType(DType asked) const;
  void requireCount(size_t given) const;

  DType type;
  std::vector<int64_t> shape;
  int64_t count;
  Bytes memory;
};

} // namespace weir::runtime
