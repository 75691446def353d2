// What a library of convolutions does where kernels would: a convolution of dense tensors, or its
// gradient in one of its operands. Plain data, which the compiler writes and a device takes.
#pragma once

#include "runtime/base/dtype.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace weir::runtime {

/// y[n, g, o, p] = sum over c and k of x[n, g, c, p * stride + k * dilation - low] w[g, o, c, k],
/// where x is zero outside: its input, its filter and its output, dense in these orders. All have
/// one type; sums of f16 and bf16 are of f32, and rounded once.
struct Convolution {
  enum class Kind : uint8_t {
    Forward,        // x, w: y
    InputGradient,  // y's gradient, w: x's
    FilterGradient, // x, y's gradient: w's
  };
  struct Dim {
    int64_t input = 0, filter = 0, output = 0;
    int64_t stride = 1, dilation = 1;
    int64_t low = 0; // zeros before the input; after it, as many as the output needs

    bool operator==(const Dim &) const = default;
  };

  Kind kind = Kind::Forward;
  DType dtype = DType::F32; // f16, bf16, f32, f64
  int64_t batch = 1, groups = 1;
  int64_t channels = 1, outputs = 1; // of each group
  std::vector<Dim> dims;             // 1 to 3
  bool isTf32 = false;               // operands of f32 may be rounded to TF32: 10 bits of mantissa

  bool operator==(const Convolution &) const = default;
};

struct ConvolutionBytes {
  int64_t lhs = 0, rhs = 0, result = 0;
};
/// Nothing where a library would not take it: of another type, with sizes beyond 32 bits or below
/// one, or where the output is not what the input with `low` zeros at both ends has room for.
std::optional<ConvolutionBytes> bytesOf(const Convolution &convolution);

/// The convolution by plain loops, for what stands in for a GPU. Sums are in f64.
void convolvePlainly(const Convolution &convolution, const void *lhs, const void *rhs,
                     void *result);

} // namespace weir::runtime
