// What the dims of the op are in each of the three.
#include "ir/dialect/library_convolution.h"

using namespace mlir;

namespace weir::ir {

using Kind = LibraryConvolution::Kind;

StringRef nameOf(Kind kind) {
  switch (kind) {
  case Kind::Forward:
    return "forward";
  case Kind::InputGradient:
    return "input_gradient";
  case Kind::FilterGradient:
    break;
  }
  return "filter_gradient";
}

std::optional<Kind> convolutionKindNamed(StringRef name) {
  for (Kind kind : {Kind::Forward, Kind::InputGradient, Kind::FilterGradient})
    if (nameOf(kind) == name) return kind;
  return std::nullopt;
}

/// Whether the output is what the input has room for between as many zeros at both ends.
static bool isWhole(const LibraryConvolution::Dim &dim) {
  for (int64_t number : {dim.stride, dim.dilation, dim.low})
    if (number < 0 || number > INT32_MAX) return false;
  const int64_t room = dim.input + 2 * dim.low - (dim.filter - 1) * dim.dilation - 1;
  return room >= 0 && room / dim.stride + 1 == dim.output;
}

std::optional<LibraryConvolution> libraryConvolution(ConvolutionOp op, Kind kind) {
  auto shapeOf = [](Value v) { return cast<RankedTensorType>(v.getType()).getShape(); };
  ArrayRef<int64_t> lhs = shapeOf(op.getLhs()), rhs = shapeOf(op.getRhs()),
                    result = shapeOf(op.getResult());
  constexpr size_t mostDims = 3;
  if (!isa<FloatType>(op.getType().getElementType()) || op.getStrides().empty() ||
      op.getStrides().size() > mostDims)
    return std::nullopt;
  for (Value v : {Value(op.getLhs()), Value(op.getRhs()), Value(op.getResult())})
    if (int64_t count = cast<RankedTensorType>(v.getType()).getNumElements();
        count < 1 || count > INT32_MAX)
      return std::nullopt;
  LibraryConvolution c{};
  c.kind = kind;
  c.groups = lhs[1];
  const bool isOfInput = kind == Kind::InputGradient, isOfFilter = kind == Kind::FilterGradient;
  c.batch = isOfFilter ? lhs[2] : lhs[0];
  c.channels = isOfFilter ? lhs[0] : isOfInput ? rhs[1] : rhs[2];
  c.outputs = isOfInput ? rhs[2] : rhs[1];
  for (size_t d = 0; d < op.getStrides().size(); ++d) {
    const int64_t l = lhs[d + 3], r = rhs[d + 3], y = result[d + 3], stride = op.getStrides()[d],
                  low = op.getLow()[d], spread = op.getLhsDilation()[d],
                  dilation = op.getRhsDilation()[d];
    if ((isOfInput ? stride : spread) != 1) return std::nullopt;
    c.dims.push_back(
        isOfInput    ? LibraryConvolution::Dim{y, r, l, spread, dilation, (r - 1) * dilation - low}
        : isOfFilter ? LibraryConvolution::Dim{l, y, r, dilation, stride, low}
                     : LibraryConvolution::Dim{l, r, y, stride, dilation, low});
  }
  if (!llvm::all_of(c.dims, isWhole)) return std::nullopt;
  return c;
}

} // namespace weir::ir
