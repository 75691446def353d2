// Convolutions, windows and their adjoint.
#include "frontend/export/stablehlo/emitter.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

Values dotRule(Emitter &e, Operation *op) {
  auto dot = cast<ir::DotOp>(op);
  const std::string dims = "dot<lhs_batching_dimensions = " + listText(dot.getLhsBatch()) +
                           ", rhs_batching_dimensions = " + listText(dot.getRhsBatch()) +
                           ", lhs_contracting_dimensions = " + listText(dot.getLhsContract()) +
                           ", rhs_contracting_dimensions = " + listText(dot.getRhsContract()) + ">";
  return e.ops("stablehlo.dot_general", e.operands(op), op->getResultTypes(),
               Named{"dot_dimension_numbers", e.dialect(dims)});
}

/// [N, G, C, ...] x [G, O, C, ...] is one convolution over G groups of channels.
Values convolutionRule(Emitter &e, Operation *op) {
  auto conv = cast<ir::ConvolutionOp>(op);
  const Values in = e.operands(op);
  const Ints lhs(typeOf(in[0]).getShape()), rhs(typeOf(in[1]).getShape());
  Ints flatLhs{lhs[0], lhs[1] * lhs[2]}, flatRhs{rhs[0] * rhs[1], rhs[2]};
  flatLhs.append(lhs.begin() + 3, lhs.end());
  flatRhs.append(rhs.begin() + 3, rhs.end());
  auto result = typeOf(conv.getResult());
  Ints flat{result.getDimSize(0), result.getDimSize(1) * result.getDimSize(2)};
  flat.append(result.getShape().begin() + 3, result.getShape().end());
  std::string spatial;
  for (size_t d = 0; d + 3 < lhs.size(); ++d) spatial += ", " + std::to_string(d);
  const std::string numbers =
      "conv<[b, f" + spatial + "]x[o, i" + spatial + "]->[b, f" + spatial + "]>";
  Value value = e.op("stablehlo.convolution",
                     {e.reshape(in[0], flatLhs), e.reshape(in[1], flatRhs)}, result.clone(flat),
                     {Named{"window_strides", e.ints(conv.getStrides())},
                      Named{"padding", e.padding(conv.getLow(), conv.getHigh())},
                      Named{"lhs_dilation", e.ints(conv.getLhsDilation())},
                      Named{"rhs_dilation", e.ints(conv.getRhsDilation())},
                      Named{"dimension_numbers", e.dialect(numbers)},
                      Named{"feature_group_count", e.number(lhs[1])},
                      Named{"batch_group_count", e.number(1)}});
  return {e.reshape(value, result.getShape())};
}

Value sliceDim(Emitter &e, Value x, int64_t dim, int64_t start, int64_t limit, int64_t stride) {
  Ints limits(typeOf(x).getShape()), starts(limits.size(), 0), strides(limits.size(), 1);
  starts[dim] = start;
  limits[dim] = limit;
  strides[dim] = stride;
  return e.slice(x, starts, limits, strides);
}

/// Adds `low` and `high` elements along `dim`, `interior` between neighbours; what is negative is
/// cut off after.
Value padDim(Emitter &e, Value x, Value value, int64_t dim, int64_t low, int64_t high,
             int64_t interior) {
  auto type = typeOf(x);
  Ints lows(type.getRank(), 0), highs = lows, interiors = lows, shape(type.getShape());
  lows[dim] = std::max<int64_t>(low, 0);
  highs[dim] = std::max<int64_t>(high, 0);
  interiors[dim] = interior;
  shape[dim] += lows[dim] + highs[dim] + std::max<int64_t>(0, shape[dim] - 1) * interior;
  Value padded =
      e.op("stablehlo.pad", {x, value}, type.clone(shape),
           {Named{"edge_padding_low", e.ints(lows)}, Named{"edge_padding_high", e.ints(highs)},
            Named{"interior_padding", e.ints(interiors)}});
  if (low >= 0 && high >= 0) return padded;
  return sliceDim(e, padded, dim, lows[dim] - low, shape[dim] - (highs[dim] - high), 1);
}

/// One dim after another: a strided slice for each place in the window, side by side.
Values unfoldRule(Emitter &e, Operation *op) {
  auto unfold = cast<ir::UnfoldOp>(op);
  const Values in = e.operands(op);
  Value value = in[0];
  for (auto [j, dim] : llvm::enumerate(unfold.getDims())) {
    const int64_t window = unfold.getWindow()[j], stride = unfold.getStrides()[j],
                  dilation = unfold.getDilations()[j];
    const int64_t out = typeOf(unfold.getResult()).getDimSize(dim);
    Ints shape(typeOf(value).getShape());
    shape[dim] = out;
    shape.push_back(1);
    if (out == 0 || window == 0) {
      shape.back() = window;
      value = e.splat(typeOf(value).clone(shape), 0);
      continue;
    }
    Value padded = padDim(e, value, in[1], dim, unfold.getLow()[j], unfold.getHigh()[j], 0);
    Values places;
    for (int64_t k = 0; k < window; ++k) {
      const int64_t start = k * dilation;
      places.push_back(e.reshape(
          sliceDim(e, padded, dim, start, start + (out - 1) * stride + 1, stride), shape));
    }
    value = e.concatenate(places, static_cast<int64_t>(shape.size()) - 1);
  }
  return {value};
}

/// The other way round: each place in the window is spread out, and they are added in order.
Values foldRule(Emitter &e, Operation *op) {
  auto fold = cast<ir::FoldOp>(op);
  Value value = e.operands(op)[0];
  for (size_t j = fold.getDims().size(); j-- > 0;) {
    const int64_t dim = fold.getDims()[j], size = fold.getSizes()[j], stride = fold.getStrides()[j];
    const int64_t last = typeOf(value).getRank() - 1, window = typeOf(value).getDimSize(last),
                  out = typeOf(value).getDimSize(dim);
    Ints shape(typeOf(value).getShape());
    shape.pop_back();
    Value zero = e.splat(typeOf(value).clone(ArrayRef<int64_t>()), 0), sum;
    for (int64_t k = 0; k < window; ++k) {
      const int64_t low = k * fold.getDilations()[j] - fold.getLow()[j];
      const int64_t spread = out == 0 ? 0 : (out - 1) * stride + 1;
      Value place = e.reshape(sliceDim(e, value, last, k, k + 1, 1), shape);
      place = padDim(e, place, zero, dim, low, size - low - spread, stride - 1);
      sum = sum ? e.same("add", {sum, place}) : place;
    }
    shape[dim] = size;
    value = sum ? sum : e.splat(typeOf(value).clone(shape), 0);
  }
  return {value};
}

} // namespace

void addWindowRules(Rules &rules) {
  rules["dot"] = dotRule;
  rules["convolution"] = convolutionRule;
  rules["unfold"] = unfoldRule;
  rules["fold"] = foldRule;
}

} // namespace weir::stablehlo
