// Elementwise ops. pointwise: the partial derivative for each operand, of operands x and result y.
// linear: the cotangent of an operand from that of the result. Functions with a kink take one of
// the one-sided values or their mean.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

/// 1 where x is ahead of y, 1/2 where they tie, 0 elsewhere.
static Expr share(Expr x, Expr y, CompareDirection ahead) {
  Expr behind = select(equal(x, y), x.number(0.5), x.number(0.0));
  return select(compare(ahead, x, y), x.number(1.0), behind);
}
static Expr towards(Expr quotient) {
  return sign(quotient) * floor(abs(quotient));
}
/// x, and 1 where it is 0: for a logarithm whose factor is then 0.
static Expr orOne(Expr x) {
  return select(equal(x, x.number(0.0)), x.number(1.0), x);
}
/// p x^(p-1), and 0 for p = 0 even at x = 0.
static Expr powerRule(Expr x, Expr p) {
  return select(equal(p, p.number(0.0)), p, p * pow(x, p - 1.0));
}

static Expr zeta(Expr x, Expr q) {
  return {x.b(), ZetaOp::create(x.b(), x, q)};
}

static void addUnary(DerivativeRules &c) {
  pointwise<AbsOp>(c, [](auto x, Expr y) { return sign(x); });
  pointwise<ExpOp>(c, [](auto x, Expr y) { return y; });
  pointwise<Expm1Op>(c, [](auto x, Expr y) { return y + 1.0; });
  pointwise<LogOp>(c, [](auto x, Expr y) { return 1.0 / x; });
  pointwise<Log1pOp>(c, [](auto x, Expr y) { return 1.0 / (x + 1.0); });
  pointwise<SqrtOp>(c, [](auto x, Expr y) { return 0.5 / y; });
  pointwise<RsqrtOp>(c, [](auto x, Expr y) { return -0.5 * y / x; });
  pointwise<CbrtOp>(c, [](auto x, Expr y) { return 1.0 / (3.0 * y * y); });
  pointwise<TanhOp>(c, [](auto x, Expr y) { return 1.0 - y * y; });
  pointwise<LogisticOp>(c, [](auto x, Expr y) { return y * (1.0 - y); });
  pointwise<SinOp>(c, [](auto x, Expr y) { return cos(x); });
  pointwise<CosOp>(c, [](auto x, Expr y) { return -sin(x); });
  pointwise<TanOp>(c, [](auto x, Expr y) { return 1.0 + y * y; });
  pointwise<ErfOp>(
      c, [](auto x, Expr y) { return 1.1283791670955126 * exp(-(x * x)); }); // 2 / sqrt(pi)
  pointwise<ErfcOp>(c, [](auto x, Expr y) { return -1.1283791670955126 * exp(-(x * x)); });
  pointwise<ErfInvOp>(
      c, [](auto x, Expr y) { return 0.88622692545275801 * exp(y * y); }); // sqrt(pi) / 2
  pointwise<LgammaOp>(c, [](auto x, Expr y) { return unary<DigammaOp>(x); });
  pointwise<DigammaOp>(c, [](auto x, Expr y) { return zeta(x.number(2.0), x); });
  linear<NegOp>(c, [](RuleBuilder &b, NegOp op, Value ct) { return NegOp::create(b, ct); });
  linear<ConvertOp>(c, [](RuleBuilder &b, ConvertOp op, Value ct) {
    return ConvertOp::create(b, ct, tensorType(op.getOperand()).getElementType());
  });
}

static void addBinary(DerivativeRules &c) {
  pointwise<DivOp>(
      c, [](auto x, Expr y) { return 1.0 / x[1]; }, [](auto x, Expr y) { return -y / x[1]; });
  pointwise<RemOp>(
      c, [](auto x, Expr y) { return 1.0; }, [](auto x, Expr y) { return -towards(x[0] / x[1]); });
  pointwise<PowOp>(
      c, [](auto x, Expr y) { return powerRule(x[0], x[1]); },
      [](auto x, Expr y) { return log(orOne(x[0])) * y; });
  pointwise<MaxOp>(
      c, [](auto x, Expr y) { return share(x[0], x[1], CompareDirection::gt); },
      [](auto x, Expr y) { return share(x[1], x[0], CompareDirection::gt); });
  pointwise<MinOp>(
      c, [](auto x, Expr y) { return share(x[0], x[1], CompareDirection::lt); },
      [](auto x, Expr y) { return share(x[1], x[0], CompareDirection::lt); });
  pointwise<Atan2Op>(
      c, [](auto x, Expr y) { return x[1] / (x[0] * x[0] + x[1] * x[1]); },
      [](auto x, Expr y) { return -x[0] / (x[0] * x[0] + x[1] * x[1]); });
  pointwise<ZetaOp>(
      c, [](auto x, Expr y) { return 0.0; },
      [](auto x, Expr y) { return -x[0] * zeta(x[0] + 1.0, x[1]); });
  sum<AddOp>(c, [](RuleBuilder &b, Value ct) { return ct; });
  sum<SubOp>(c, [](RuleBuilder &b, Value ct) { return Value(NegOp::create(b, ct)); });
  multilinear<MulOp>(c, [](RuleBuilder &b, MulOp op, Value ct, unsigned i) {
    return MulOp::create(b, ct, op->getOperand(1 - i));
  });
}

void addElementwiseRules(DerivativeRules &c) {
  addUnary(c);
  addBinary(c);
  linear<SelectOp>(c, [](RuleBuilder &b, SelectOp op, Value ct, unsigned i) {
    Value zero = zerosLike(b, ct);
    return SelectOp::create(b, op.getPred(), i == 1 ? ct : zero, i == 1 ? zero : ct);
  });
}

} // namespace weir::autodiff
