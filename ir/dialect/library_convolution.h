// A convolution of the dialect as a library is asked for it: as itself, or as the gradient that it
// is of another convolution.
#pragma once

#include "ir/dialect/weir.h"

#include <optional>

namespace weir::ir {

/// y[n, g, o, p] = sum over c and k of x[n, g, c, p * stride + k * dilation - low] w[g, o, c, k],
/// or its gradient in x or in w: what the runtime calls a Convolution.
struct LibraryConvolution {
  enum class Kind : uint8_t { Forward, InputGradient, FilterGradient };
  struct Dim {
    int64_t input, filter, output;
    int64_t stride, dilation, low;
  };
  Kind kind;
  int64_t batch, groups, channels, outputs;
  llvm::SmallVector<Dim> dims; // 1 to 3
};

/// The values of kLibraryAttr.
llvm::StringRef nameOf(LibraryConvolution::Kind kind);
std::optional<LibraryConvolution::Kind> convolutionKindNamed(llvm::StringRef name);

/// Forward: the operands are x and w, the result is y.
/// InputGradient: the operands are y, dilated by the strides, and w, reversed in its window and
/// with outputs and channels exchanged; the result is x. FilterGradient: the operands are x as [c,
/// g, n, ...] and y as [g, o, n, ...]; the result is w as [c, g, o, ...]. Nothing where it is not
/// that one of floats, or where no library takes it: libraries pad both ends alike, and count in 32
/// bits.
std::optional<LibraryConvolution> libraryConvolution(ConvolutionOp op,
                                                     LibraryConvolution::Kind kind);

} // namespace weir::ir
