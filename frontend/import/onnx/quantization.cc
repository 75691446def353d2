// Quantised tensors as integers: to and from numbers, and products of them. 8 and 16 bits, and the
// types of narrow.h; sums in 32 bits.
#include "frontend/import/onnx/narrow.h"
#include "frontend/import/onnx/windows.h"

#include <algorithm>

namespace weir::onnx {
namespace {

/// Scales and zero points laid over x: a scalar, one for each place of `axis`, or one a block.
Tensor laid(Node &node, const Tensor &t, const Tensor &x) {
  if (t.size() == 1) return reshape(t, {});
  const int64_t axis = node.dim(node.integer("axis", 1), x.rank());
  if (t.rank() == 1) {
    Shape shape(static_cast<size_t>(x.rank()), 1);
    shape[static_cast<size_t>(axis)] = t.dim(0);
    return reshape(t, shape);
  }
  const int64_t block = node.integer("block_size", 0);
  if (block < 1 || t.rank() != x.rank()) node.fail("the scale does not fit the operand");
  const Tensor place = node.graph.iota(i64, {x.dim(axis)}) / block;
  return gather(t, place, axis);
}

std::pair<double, double> limits(Node &node, DType dtype) {
  switch (dtype) {
  case i8:
    return {-128, 127};
  case u8:
    return {0, 255};
  case i16:
    return {-32768, 32767};
  case u16:
    return {0, 65535};
  case i32:
    return {-2147483648.0, 2147483647.0};
  default:
    node.fail("cannot quantise to " + std::string(runtime::dtypeName(dtype)));
  }
}

/// x / scale + zero, rounded to even, within what dtype, or `narrow`, holds. In f32, or f64 where x
/// is.
Tensor quantized(Node &node, const Tensor &x, const Tensor &scale, const Tensor &zero, DType dtype,
                 const Narrow *narrow = nullptr) {
  const auto [least, most] = narrow ? std::pair(narrow->least, narrow->most) : limits(node, dtype);
  const DType wide = x.dtype() == f64 ? f64 : f32;
  const Tensor steps = roundEven(convert(x, wide) / convert(scale, wide));
  return convert(clamp(steps + convert(zero, wide), least, most), dtype);
}

TensorList quantizeLinear(Node &node) {
  node.expectOperands(2, 3);
  const Tensor x = node[0], scale = laid(node, node[1], x);
  const int64_t asked = node.integer("output_dtype", 0);
  const Narrow *narrow = node.has(2) ? node.narrow(2) : narrowOf(static_cast<int32_t>(asked));
  DType dtype = narrow ? narrow->held : asked ? node.dtype(asked) : u8;
  if (narrow) node.holds(*narrow);
  Tensor zero = node.graph.scalar(0, f32);
  if (node.has(2)) {
    dtype = node[2].dtype();
    zero = laid(node, node[2], x);
  }
  const Tensor wide = runtime::isFloat(x.dtype()) ? x : convert(x, f32);
  // Quantised floats have no zero point but 0.
  if (narrow && runtime::isFloat(narrow->held))
    return {
        narrowed(node, wide / convert(scale, wide.dtype()), *narrow, node.flag("saturate", true))};
  return {quantized(node, wide, scale, zero, dtype, narrow)};
}

TensorList dequantizeLinear(Node &node) {
  node.expectOperands(2, 3);
  const Tensor x = node[0], scale = laid(node, node[1], x);
  const int64_t asked = node.integer("output_dtype", 0);
  const DType dtype = asked ? node.dtype(asked) : scale.dtype();
  const DType steps = runtime::isFloat(x.dtype()) ? f32 : i32, wide = dtype == f64 ? f64 : f32;
  Tensor whole = convert(x, steps);
  if (node.has(2)) whole = whole - convert(laid(node, node[2], x), steps);
  const Tensor y = convert(whole, wide) * convert(scale, wide);
  return {y.dtype() == dtype ? y : convert(y, dtype)};
}

TensorList dynamicQuantize(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const Tensor low = min(reduceMin(x), 0.0), high = max(reduceMax(x), 0.0);
  const Tensor scale = (high - low) / 255.0;
  const Tensor safe = select(scale == 0, onesLike(scale), scale);
  const Tensor zero = convert(clamp(roundEven(-low / safe), 0.0, 255.0), u8);
  return {quantized(node, x, safe, zero, u8), scale, zero};
}

/// Operand i as i32 less its zero point, which stands for the whole or for places of `dim`.
Tensor centred(Node &node, size_t i, size_t zero, int64_t dim) {
  const Tensor x = convert(node[i], i32);
  if (!node.has(zero)) return x;
  const Tensor z = convert(node[zero], i32);
  if (z.size() == 1) return x - reshape(z, {});
  if (z.rank() > 1) return x - z;
  Shape shape(static_cast<size_t>(x.rank()), 1);
  shape.at(static_cast<size_t>(node.dim(dim, x.rank()))) = z.size();
  return x - reshape(z, shape);
}

TensorList matMulInteger(Node &node) {
  node.expectOperands(2, 4);
  return {matmul(centred(node, 0, 2, node[0].rank() > 1 ? -2 : -1), centred(node, 1, 3, -1))};
}

TensorList convInteger(Node &node) {
  node.expectOperands(2, 4);
  return {convolve(node, centred(node, 0, 2, 1), centred(node, 1, 3, 0))};
}

/// Sums y of products as numbers of the result's scale.
Tensor requantized(Node &node, const Tensor &y, const Tensor &scaleA, const Tensor &scaleB,
                   size_t scale) {
  const Tensor factor = convert(scaleA, f32) * convert(scaleB, f32);
  const Tensor zero = node[scale + 1];
  const Tensor real = convert(y, f32) * factor;
  return quantized(node, real, node[scale], zero, zero.dtype());
}

TensorList qLinearMatMul(Node &node) {
  node.expectOperands(8, 8);
  const Tensor y =
      matmul(centred(node, 0, 2, node[0].rank() > 1 ? -2 : -1), centred(node, 3, 5, -1));
  Tensor scaleA = node[1];
  if (scaleA.size() == 1)
    scaleA = reshape(scaleA, {});
  else if (scaleA.rank() == 1)
    scaleA = expandDims(scaleA, -1);
  const Tensor scaleB = node[4].size() == 1 ? reshape(node[4], {}) : node[4];
  return {requantized(node, y, scaleA, scaleB, 6)};
}

TensorList qLinearConv(Node &node) {
  node.expectOperands(8, 9);
  Tensor y = convolve(node, centred(node, 0, 2, 1), centred(node, 3, 5, 0));
  if (node.has(8)) y = y + perChannel(node[8], y.rank());
  const Tensor scale = node[4].size() == 1 ? reshape(node[4], {}) : perChannel(node[4], y.rank());
  return {requantized(node, y, reshape(node[1], {}), scale, 6)};
}

} // namespace

void addQuantizationRules(Rules &rules) {
  const Rules own = {
      {"ConvInteger", convInteger},
      {"DequantizeLinear", dequantizeLinear},
      {"DynamicQuantizeLinear", dynamicQuantize},
      {"MatMulInteger", matMulInteger},
      {"QLinearConv", qLinearConv},
      {"QLinearMatMul", qLinearMatMul},
      {"QuantizeLinear", quantizeLinear},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
