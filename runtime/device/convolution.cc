// Sizes, and one walk over all products of an input and a weight, whichever of the three is sought.
#include "runtime/device/convolution.h"

#include <algorithm>

namespace weir::runtime {
namespace {

using Kind = Convolution::Kind;

struct Counts {
  int64_t input, filter, output;
};

std::optional<Counts> countsOf(const Convolution &c) {
  std::vector<int64_t> input{c.batch, c.groups, c.channels},
      filter{c.groups, c.outputs, c.channels}, output{c.batch, c.groups, c.outputs};
  for (const Convolution::Dim &dim : c.dims) {
    input.push_back(dim.input);
    filter.push_back(dim.filter);
    output.push_back(dim.output);
  }
  auto i = elementCount(input), f = elementCount(filter), o = elementCount(output);
  if (!i || !f || !o || std::max({*i, *f, *o}) > INT32_MAX) return std::nullopt;
  return Counts{*i, *f, *o};
}

bool isWhole(const Convolution::Dim &dim) {
  for (int64_t size : {dim.input, dim.filter, dim.output, dim.stride, dim.dilation})
    if (size < 1 || size > INT32_MAX) return false;
  if (dim.low < 0 || dim.low > INT32_MAX) return false;
  const int64_t room = dim.input + 2 * dim.low - (dim.filter - 1) * dim.dilation - 1;
  return room >= 0 && room / dim.stride + 1 == dim.output;
}

} // namespace

std::optional<ConvolutionBytes> bytesOf(const Convolution &c) {
  constexpr size_t mostDims = 3;
  if (!isFloat(c.dtype) || c.dims.empty() || c.dims.size() > mostDims ||
      std::min({c.batch, c.groups, c.channels, c.outputs}) < 1 ||
      !std::all_of(c.dims.begin(), c.dims.end(), isWhole) || (c.isTf32 && c.dtype != DType::F32))
    return std::nullopt;
  const auto counts = countsOf(c);
  if (!counts) return std::nullopt;
  const auto size = static_cast<int64_t>(dtypeBytes(c.dtype));
  const int64_t x = counts->input * size, w = counts->filter * size, y = counts->output * size;
  return c.kind == Kind::Forward         ? ConvolutionBytes{x, w, y}
         : c.kind == Kind::InputGradient ? ConvolutionBytes{y, w, x}
                                         : ConvolutionBytes{x, y, w};
}

namespace {

/// Calls `visit` with a place of the input, one of the filter and one of the output, counted in the
/// spatial dims alone, for each that meet.
template <class Visit>
void meet(const Convolution &c, size_t d, int64_t input, int64_t filter, int64_t output,
          const Visit &visit) {
  if (d == c.dims.size()) return visit(input, filter, output);
  const Convolution::Dim &dim = c.dims[d];
  for (int64_t p = 0; p < dim.output; ++p)
    for (int64_t k = 0; k < dim.filter; ++k) {
      const int64_t q = p * dim.stride + k * dim.dilation - dim.low;
      if (q >= 0 && q < dim.input)
        meet(c, d + 1, input * dim.input + q, filter * dim.filter + k, output * dim.output + p,
             visit);
    }
}

template <typename T> void convolve(const Convolution &c, const T *lhs, const T *rhs, T *result) {
  const Counts counts = countsOf(c).value();
  const int64_t inputs = counts.input / (c.batch * c.groups * c.channels),
                filters = counts.filter / (c.groups * c.outputs * c.channels),
                outputs = counts.output / (c.batch * c.groups * c.outputs);
  std::vector<double> sums(size_t(c.kind == Kind::Forward         ? counts.output
                                  : c.kind == Kind::InputGradient ? counts.input
                                                                  : counts.filter));
  for (int64_t ng = 0; ng < c.batch * c.groups; ++ng)
    for (int64_t o = 0; o < c.outputs; ++o)
      for (int64_t ch = 0; ch < c.channels; ++ch) {
        const int64_t x = (ng * c.channels + ch) * inputs,
                      w = ((ng % c.groups * c.outputs + o) * c.channels + ch) * filters,
                      y = (ng * c.outputs + o) * outputs;
        meet(c, 0, 0, 0, 0, [&](int64_t i, int64_t k, int64_t p) {
          auto times = [&](int64_t sum, int64_t l, int64_t r) {
            sums[size_t(sum)] += static_cast<double>(lhs[l]) * static_cast<double>(rhs[r]);
          };
          if (c.kind == Kind::Forward) return times(y + p, x + i, w + k);
          if (c.kind == Kind::InputGradient) return times(x + i, y + p, w + k);
          times(w + k, x + i, y + p);
        });
      }
  for (size_t i = 0; i < sums.size(); ++i) result[i] = static_cast<T>(sums[i]);
}

template <typename T>
void convolveAs(const Convolution &c, const void *lhs, const void *rhs, void *result) {
  convolve(c, static_cast<const T *>(lhs), static_cast<const T *>(rhs), static_cast<T *>(result));
}

} // namespace

void convolvePlainly(const Convolution &c, const void *lhs, const void *rhs, void *result) {
  if (c.dtype == DType::F16) return convolveAs<Half>(c, lhs, rhs, result);
  if (c.dtype == DType::BF16) return convolveAs<BFloat16>(c, lhs, rhs, result);
  if (c.dtype == DType::F32) return convolveAs<float>(c, lhs, rhs, result);
  if (c.dtype == DType::F64) return convolveAs<double>(c, lhs, rhs, result);
}

} // namespace weir::runtime
