// Builders behind Expr and the value helpers.
#include "autodiff/models/expr.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

RuleBuilder atEnd(Block &block, Location loc) {
  RuleBuilder b(loc, loc.getContext());
  b.setInsertionPointToEnd(&block);
  return b;
}

RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}
ArrayRef<int64_t> shapeOf(Value value) {
  return tensorType(value).getShape();
}
bool isFloat(Type type) {
  return isa<FloatType>(getElementTypeOrSelf(type));
}

Value splat(RuleBuilder &b, Type type, double number) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  Attribute attribute = isa<FloatType>(element)
                            ? Attribute(b.getFloatAttr(element, number))
                            : Attribute(b.getIntegerAttr(element, static_cast<int64_t>(number)));
  return ConstantOp::create(b, DenseElementsAttr::get(tensor, attribute));
}

bool isZeroConstant(Value value) {
  return matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero());
}

Value broadcastLike(RuleBuilder &b, Value value, Value like, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < tensorType(like).getRank(); ++dim)
    if (!llvm::is_contained(dims, dim)) kept.push_back(dim);
  return BroadcastOp::create(b, value, shapeOf(like), kept);
}

Value transposed(RuleBuilder &b, Value value, ArrayRef<int64_t> permutation) {
  if (llvm::is_sorted(permutation)) return value;
  return TransposeOp::create(b, value, permutation);
}

Value sumOfAll(RuleBuilder &b, Value value) {
  return ReduceSumOp::create(b, value,
                             llvm::to_vector(llvm::seq<int64_t>(0, tensorType(value).getRank())));
}

template <typename Op> static Expr binary(Expr x, Expr y) {
  return {x.b(), Op::create(x.b(), x, y)};
}

Expr operator+(Expr x, Expr y) {
  return binary<AddOp>(x, y);
}
Expr operator-(Expr x, Expr y) {
  return binary<SubOp>(x, y);
}
Expr operator*(Expr x, Expr y) {
  return binary<MulOp>(x, y);
}
Expr operator/(Expr x, Expr y) {
  return binary<DivOp>(x, y);
}
Expr operator-(Expr x) {
  return unary<NegOp>(x);
}
Expr pow(Expr x, Expr y) {
  return binary<PowOp>(x, y);
}

Expr compare(CompareDirection direction, Expr x, Expr y) {
  return {x.b(), CompareOp::create(x.b(), x, y, direction)};
}
Expr select(Expr predicate, Expr onTrue, Expr onFalse) {
  return {onTrue.b(), SelectOp::create(onTrue.b(), predicate, onTrue, onFalse)};
}

} // namespace weir::autodiff
