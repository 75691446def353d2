// Reading and writing the elements of constants.
#include "passes/simplify/scalar.h"

#include "ir/dialect/weir.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;

namespace weir::passes {
namespace {

Scalar readFloat(const APFloat &v) {
  return {true, v.convertToDouble(), 0};
}
Scalar readInt(const APInt &v, Type element) {
  bool isUnsigned = element.isInteger(1) || element.isUnsignedInteger();
  return {false, 0, isUnsigned ? int64_t(v.getZExtValue()) : v.getSExtValue()};
}

DenseElementsAttr denseOf(Value value) {
  auto op = value.getDefiningOp<ir::ConstantOp>();
  if (!op || !ir::dtypeOf(value.getType())) return nullptr;
  return dyn_cast<DenseElementsAttr>(op.getValue());
}

} // namespace

std::optional<Scalar> splatOf(Value value) {
  DenseElementsAttr dense = denseOf(value);
  if (!dense || !dense.isSplat()) return std::nullopt;
  if (isa<FloatType>(dense.getElementType())) return readFloat(dense.getSplatValue<APFloat>());
  return readInt(dense.getSplatValue<APInt>(), dense.getElementType());
}

std::optional<SmallVector<Scalar>> elementsOf(Value value, int64_t limit) {
  DenseElementsAttr dense = denseOf(value);
  if (!dense || dense.getNumElements() > limit) return std::nullopt;
  SmallVector<Scalar> elements;
  elements.reserve(dense.getNumElements());
  if (isa<FloatType>(dense.getElementType()))
    for (const APFloat &v : dense.getValues<APFloat>()) elements.push_back(readFloat(v));
  else
    for (const APInt &v : dense.getValues<APInt>())
      elements.push_back(readInt(v, dense.getElementType()));
  return elements;
}

Attribute scalarAttr(Type element, Scalar s) {
  if (isa<FloatType>(element))
    return FloatAttr::get(element, runtime::roundTo(*ir::dtypeOf(element), s.f));
  unsigned width = element.getIntOrFloatBitWidth();
  return IntegerAttr::get(element,
                          APInt(width, uint64_t(s.i), /*isSigned=*/false, /*implicitTrunc=*/true));
}

Value splatConstant(OpBuilder &b, Location loc, Type type, Scalar s) {
  auto ranked = cast<RankedTensorType>(type);
  return ir::ConstantOp::create(
      b, loc, DenseElementsAttr::get(ranked, scalarAttr(ranked.getElementType(), s)));
}

Scalar scalarOf(Type element, double v) {
  if (isa<FloatType>(element)) return {true, v, 0};
  return {false, 0, int64_t(v)};
}

bool holds(Type element, double v) {
  runtime::DType dtype = *ir::dtypeOf(element);
  if (runtime::isFloat(dtype)) return runtime::roundTo(dtype, v) == v;
  unsigned width = dtype == runtime::DType::I1 ? 1 : element.getIntOrFloatBitWidth();
  bool isUnsigned = width == 1 || runtime::isUnsigned(dtype);
  double limit = std::ldexp(1.0, isUnsigned ? width : width - 1);
  return std::trunc(v) == v && v < limit && v >= (isUnsigned ? 0 : -limit);
}

} // namespace weir::passes
