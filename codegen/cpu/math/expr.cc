// The operators of Expr: each emits one op of arith, math, vector or scf.

#include "codegen/cpu/math/expr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace weir::codegen {
namespace {

using namespace mlir;

/// Both operands as expressions of one type.
std::pair<Expr, Expr> both(const Operand &l, const Operand &r) {
  return l.isNumber() ? std::pair(l.like(r.expr), r.expr) : std::pair(l.expr, r.like(l.expr));
}

template <typename Op> Expr unary(const Expr &x) {
  return x.of(Op::create(*x.b, x.value));
}

template <typename Op> Expr binary(const Operand &l, const Operand &r) {
  auto [x, y] = both(l, r);
  return x.of(Op::create(*x.b, x.value, y.value));
}

template <typename FloatOp, typename IntOp> Expr arithmetic(const Operand &l, const Operand &r) {
  auto [x, y] = both(l, r);
  return x.isFloat() ? binary<FloatOp>(x, y) : binary<IntOp>(x, y);
}

Expr compare(arith::CmpFPredicate f, arith::CmpIPredicate i, const Operand &l, const Operand &r) {
  auto [x, y] = both(l, r);
  if (x.isFloat()) return x.of(arith::CmpFOp::create(*x.b, f, x.value, y.value));
  return x.of(arith::CmpIOp::create(*x.b, i, x.value, y.value));
}

template <typename Op> Expr cast(const Expr &x, Type element) {
  return x.of(Op::create(*x.b, x.typeWith(element), x.value));
}

} // namespace

Type Expr::element() const {
  return getElementTypeOrSelf(value.getType());
}
unsigned Expr::width() const {
  return element().getIntOrFloatBitWidth();
}
bool Expr::isFloat() const {
  return isa<FloatType>(element());
}

int64_t Expr::lanes() const {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? vector.getNumElements() : 0;
}

Type Expr::typeWith(Type element) const {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

Expr Expr::constant(Type element, const Operand &number) const {
  TypedAttr one;
  if (isa<FloatType>(element))
    one = FloatAttr::get(element, number.real);
  else
    one = IntegerAttr::get(element,
                           APInt(element.getIntOrFloatBitWidth(), number.integer, /*isSigned=*/true,
                                 /*implicitTrunc=*/true));
  auto vector = dyn_cast<VectorType>(typeWith(element));
  if (vector) one = DenseElementsAttr::get(vector, Attribute(one));
  return of(arith::ConstantOp::create(*b, one));
}

Expr Expr::constant(const Operand &number) const {
  return constant(element(), number);
}

Expr operator+(const Operand &l, const Operand &r) {
  return arithmetic<arith::AddFOp, arith::AddIOp>(l, r);
}
Expr operator-(const Operand &l, const Operand &r) {
  return arithmetic<arith::SubFOp, arith::SubIOp>(l, r);
}
Expr operator*(const Operand &l, const Operand &r) {
  return arithmetic<arith::MulFOp, arith::MulIOp>(l, r);
}
Expr operator/(const Operand &l, const Operand &r) {
  return binary<arith::DivFOp>(l, r);
}
Expr operator-(const Expr &x) {
  return x.isFloat() ? unary<arith::NegFOp>(x) : 0 - Operand(x);
}

Expr operator&(const Operand &l, const Operand &r) {
  return binary<arith::AndIOp>(l, r);
}
Expr operator|(const Operand &l, const Operand &r) {
  return binary<arith::OrIOp>(l, r);
}
Expr operator^(const Operand &l, const Operand &r) {
  return binary<arith::XOrIOp>(l, r);
}
Expr operator<<(const Operand &l, const Operand &r) {
  return binary<arith::ShLIOp>(l, r);
}
Expr operator>>(const Operand &l, const Operand &r) {
  return binary<arith::ShRUIOp>(l, r);
}
Expr shiftRightSigned(const Operand &l, const Operand &r) {
  return binary<arith::ShRSIOp>(l, r);
}

using FloatIs = arith::CmpFPredicate;
using IntIs = arith::CmpIPredicate;

Expr eq(const Operand &l, const Operand &r) {
  return compare(FloatIs::OEQ, IntIs::eq, l, r);
}
Expr ne(const Operand &l, const Operand &r) {
  return compare(FloatIs::UNE, IntIs::ne, l, r);
}
Expr lt(const Operand &l, const Operand &r) {
  return compare(FloatIs::OLT, IntIs::slt, l, r);
}
Expr le(const Operand &l, const Operand &r) {
  return compare(FloatIs::OLE, IntIs::sle, l, r);
}
Expr gt(const Operand &l, const Operand &r) {
  return compare(FloatIs::OGT, IntIs::sgt, l, r);
}
Expr ge(const Operand &l, const Operand &r) {
  return compare(FloatIs::OGE, IntIs::sge, l, r);
}
Expr below(const Operand &l, const Operand &r) {
  return compare(FloatIs::OLT, IntIs::ult, l, r);
}
Expr isNan(const Expr &x) {
  return compare(FloatIs::UNO, IntIs::ne, x, x);
}

Expr select(const Expr &condition, const Operand &yes, const Operand &no) {
  auto [x, y] = both(yes, no);
  return x.of(arith::SelectOp::create(*x.b, condition.value, x.value, y.value));
}

Expr fma(const Operand &a, const Operand &b, const Operand &c) {
  const Expr &some = !a.isNumber() ? a.expr : !b.isNumber() ? b.expr : c.expr;
  return some.of(
      math::FmaOp::create(*some.b, a.like(some).value, b.like(some).value, c.like(some).value));
}

Expr abs(const Expr &x) {
  return x.isFloat() ? unary<math::AbsFOp>(x) : unary<math::AbsIOp>(x);
}
Expr sqrt(const Expr &x) {
  return unary<math::SqrtOp>(x);
}
Expr floor(const Expr &x) {
  return unary<math::FloorOp>(x);
}
Expr ceil(const Expr &x) {
  return unary<math::CeilOp>(x);
}
Expr trunc(const Expr &x) {
  return unary<math::TruncOp>(x);
}
Expr roundEven(const Expr &x) {
  return unary<math::RoundEvenOp>(x);
}
Expr copySign(const Operand &magnitude, const Expr &sign) {
  return binary<math::CopySignOp>(magnitude, sign);
}
// `number < x ? number : x` is what vminps computes, NaN included.
Expr atMost(const Expr &x, double limit) {
  return select(lt(limit, x), limit, x);
}
Expr atLeast(const Expr &x, double limit) {
  return select(gt(limit, x), limit, x);
}

Expr bitcastTo(const Expr &x, Type element) {
  return cast<arith::BitcastOp>(x, element);
}
Expr bits(const Expr &x) {
  return bitcastTo(x, x.b->getIntegerType(x.width()));
}
Expr asFloat(const Expr &x) {
  return bitcastTo(x, x.width() == 32 ? Type(x.b->getF32Type()) : x.b->getF64Type());
}
Expr toFloat(const Expr &integer, Type element) {
  return cast<arith::SIToFPOp>(integer, element);
}
Expr toInt(const Expr &x, Type element) {
  return cast<arith::FPToSIOp>(x, element);
}
Expr toFloatUnsigned(const Expr &integer, Type element) {
  return cast<arith::UIToFPOp>(integer, element);
}
Expr toUnsigned(const Expr &x, Type element) {
  return cast<arith::FPToUIOp>(x, element);
}
Expr zeroExtend(const Expr &x, Type element) {
  return x.element() == element ? x : cast<arith::ExtUIOp>(x, element);
}

Expr countOnes(const Expr &x) {
  return unary<math::CtPopOp>(x);
}
Expr countLeadingZeros(const Expr &x) {
  return unary<math::CountLeadingZerosOp>(x);
}

Expr resize(const Expr &x, Type element) {
  unsigned from = x.width(), to = element.getIntOrFloatBitWidth();
  if (from == to) return x;
  if (x.isFloat())
    return from < to ? cast<arith::ExtFOp>(x, element) : cast<arith::TruncFOp>(x, element);
  return from < to ? cast<arith::ExtSIOp>(x, element) : cast<arith::TruncIOp>(x, element);
}

Expr quotient(const Expr &l, const Expr &r) {
  return binary<arith::DivSIOp>(l, r);
}
Expr remainder(const Expr &l, const Expr &r) {
  return binary<arith::RemSIOp>(l, r);
}
Expr quotientUnsigned(const Expr &l, const Expr &r) {
  return binary<arith::DivUIOp>(l, r);
}

std::pair<Expr, Expr> multiplyWide(const Expr &l, const Expr &r) {
  auto product = arith::MulUIExtendedOp::create(*l.b, l.value, r.value);
  return {l.of(product.getLow()), l.of(product.getHigh())};
}

Expr hornerInto(Expr sum, const Expr &x, llvm::ArrayRef<double> c) {
  for (double k : llvm::reverse(c)) sum = fma(sum, x, k);
  return sum;
}

Expr horner(const Expr &x, llvm::ArrayRef<double> c) {
  return hornerInto(x.constant(c.back()), x, c.drop_back());
}

Exprs whileAny(ArrayRef<Expr> inits, llvm::function_ref<Expr(ArrayRef<Expr>)> condition,
               llvm::function_ref<Exprs(ArrayRef<Expr>)> body) {
  ImplicitLocOpBuilder &b = *inits[0].b;
  auto exprsOf = [&](ValueRange values) {
    Exprs exprs;
    for (Value value : values) exprs.push_back(inits[0].of(value));
    return exprs;
  };
  auto valuesOf = [](ArrayRef<Expr> exprs) {
    SmallVector<Value> values;
    for (const Expr &expr : exprs) values.push_back(expr.value);
    return values;
  };
  auto inLoop = [&](OpBuilder &inner, auto emit) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
    emit();
    inner.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
  };
  SmallVector<Value> starts = valuesOf(inits);
  auto loop = scf::WhileOp::create(
      b, ValueRange(starts).getTypes(), starts,
      [&](OpBuilder &inner, Location, ValueRange args) {
        inLoop(inner, [&] {
          Expr any = condition(exprsOf(args));
          if (any.lanes())
            any = any.of(vector::ReductionOp::create(b, vector::CombiningKind::OR, any.value));
          scf::ConditionOp::create(b, any.value, args);
        });
      },
      [&](OpBuilder &inner, Location, ValueRange args) {
        inLoop(inner, [&] { scf::YieldOp::create(b, valuesOf(body(exprsOf(args)))); });
      });
  return exprsOf(loop.getResults());
}

/// Calls an AVX-512 intrinsic "llvm.x86.avx512.mask.NAME.p[sd].BITS" with every lane active, which
/// takes `operands`, what inactive lanes keep, the mask, and for 512 bits the rounding. Null where
/// the CPU or the type does not have it.
static std::optional<Expr> callMasked(StringRef name, const Expr &like, ArrayRef<Value> operands) {
  int64_t total = like.lanes() * like.width();
  if (!like.target->avx512 || (total != 128 && total != 256 && total != 512)) return std::nullopt;
  ImplicitLocOpBuilder &b = *like.b;
  SmallVector<Value> all(operands);
  auto mask = APInt::getAllOnes(like.lanes() == 16 ? 16 : 8);
  auto maskType = b.getIntegerType(mask.getBitWidth());
  all.push_back(like.value);
  all.push_back(arith::ConstantOp::create(b, IntegerAttr::get(maskType, mask)));
  if (total == 512) // 4: round as the current mode says
    all.push_back(arith::ConstantOp::create(b, b.getI32IntegerAttr(4)));
  std::string full =
      ("llvm.x86.avx512.mask." + name + (like.width() == 32 ? ".ps." : ".pd.") + Twine(total))
          .str();
  auto call = LLVM::CallIntrinsicOp::create(b, like.value.getType(), b.getStringAttr(full), all);
  return like.of(call.getResult(0));
}

std::optional<Expr> scaleInstruction(const Expr &p, const Expr &n) {
  return callMasked("scalef", p, {p.value, n.value});
}

/// vrange orders zeros as IEEE 754 does, but prefers numbers to NaN.
template <typename FloatOp, typename IntOp>
static Expr extremum(const Expr &l, const Expr &r, int mode) {
  if (!l.isFloat()) return binary<IntOp>(l, r);
  Value imm = arith::ConstantOp::create(*l.b, l.b->getI32IntegerAttr(mode));
  std::optional<Expr> number = callMasked("range", l, {l.value, r.value, imm});
  if (!number) return binary<FloatOp>(l, r);
  Expr unordered = l.of(arith::CmpFOp::create(*l.b, FloatIs::UNO, l.value, r.value));
  return select(unordered, l + r, *number);
}

Expr minimum(const Expr &l, const Expr &r) {
  return extremum<arith::MinimumFOp, arith::MinSIOp>(l, r, 4);
}
Expr maximum(const Expr &l, const Expr &r) {
  return extremum<arith::MaximumFOp, arith::MaxSIOp>(l, r, 5);
}
Expr minimumUnsigned(const Expr &l, const Expr &r) {
  return binary<arith::MinUIOp>(l, r);
}
Expr maximumUnsigned(const Expr &l, const Expr &r) {
  return binary<arith::MaxUIOp>(l, r);
}

} // namespace weir::codegen
