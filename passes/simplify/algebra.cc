// Elementwise identities. Only rewrites that keep every value (a zero's sign apart) are here: x*0
// stays because of NaN, (x*a)*b because it rounds differently. Conversion chains merge if the
// middle type holds every value of the first. Constants stand on the right of commutative ops (the
// trait's fold does that).
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/simplify/scalar.h"
#include "passes/simplify/simplify.h"

#include <cmath>

using namespace mlir;

namespace weir::passes {
namespace {

bool isFloat(Value v) {
  return isa<FloatType>(getElementTypeOrSelf(v.getType()));
}
bool isSplat(Value v, double what) {
  std::optional<Scalar> s = splatOf(v);
  return s && s->is(what);
}

/// x + 0, x - 0, x + -y, x - -y, and x - x of integers.
struct SimplifyAdd : OpRewritePattern<ir::AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::AddOp op, PatternRewriter &rewriter) const override {
    if (isSplat(op.getRhs(), 0)) return rewriter.replaceOp(op, op.getLhs()), success();
    if (isSplat(op.getLhs(), 0)) return rewriter.replaceOp(op, op.getRhs()), success();
    if (auto neg = op.getRhs().getDefiningOp<ir::NegOp>())
      return rewriter.replaceOpWithNewOp<ir::SubOp>(op, op.getLhs(), neg.getOperand()), success();
    if (auto neg = op.getLhs().getDefiningOp<ir::NegOp>())
      return rewriter.replaceOpWithNewOp<ir::SubOp>(op, op.getRhs(), neg.getOperand()), success();
    return failure();
  }
};

struct SimplifySub : OpRewritePattern<ir::SubOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SubOp op, PatternRewriter &rewriter) const override {
    if (isSplat(op.getRhs(), 0)) return rewriter.replaceOp(op, op.getLhs()), success();
    if (auto neg = op.getRhs().getDefiningOp<ir::NegOp>())
      return rewriter.replaceOpWithNewOp<ir::AddOp>(op, op.getLhs(), neg.getOperand()), success();
    if (op.getLhs() == op.getRhs() && !isFloat(op.getLhs())) {
      Type element = getElementTypeOrSelf(op.getType());
      rewriter.replaceOp(op,
                         splatConstant(rewriter, op.getLoc(), op.getType(), scalarOf(element, 0)));
      return success();
    }
    return failure();
  }
};

/// x*1, x*-1, integer x*0, (-x)*(-y), (-x)*c.
struct SimplifyMul : OpRewritePattern<ir::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::MulOp op, PatternRewriter &rewriter) const override {
    Value lhs = op.getLhs(), rhs = op.getRhs();
    auto negLhs = lhs.getDefiningOp<ir::NegOp>(), negRhs = rhs.getDefiningOp<ir::NegOp>();
    if (negLhs && negRhs)
      return rewriter.replaceOpWithNewOp<ir::MulOp>(op, negLhs.getOperand(), negRhs.getOperand()),
             success();
    std::optional<Scalar> c = splatOf(rhs);
    if (!c) return failure();
    if (c->is(1)) return rewriter.replaceOp(op, lhs), success();
    if (c->is(-1)) return rewriter.replaceOpWithNewOp<ir::NegOp>(op, lhs), success();
    if (c->is(0) && !c->isFloat) return rewriter.replaceOp(op, rhs), success();
    if (negLhs && c->isFloat) {
      Value minus = splatConstant(rewriter, op.getLoc(), rhs.getType(), {true, -c->f, 0});
      return rewriter.replaceOpWithNewOp<ir::MulOp>(op, negLhs.getOperand(), minus), success();
    }
    return failure();
  }
};

/// x/1, and x / 2^k = x * 2^-k, which is exact.
struct SimplifyDiv : OpRewritePattern<ir::DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::DivOp op, PatternRewriter &rewriter) const override {
    std::optional<Scalar> c = splatOf(op.getRhs());
    if (!c) return failure();
    if (c->is(1)) return rewriter.replaceOp(op, op.getLhs()), success();
    int exponent = 0;
    if (!c->isFloat || std::fabs(std::frexp(c->f, &exponent)) != 0.5 || std::abs(exponent) > 100)
      return failure();
    if (!holds(getElementTypeOrSelf(op.getType()), 1.0 / c->f)) return failure();
    Value inverse =
        splatConstant(rewriter, op.getLoc(), op.getRhs().getType(), {true, 1.0 / c->f, 0});
    return rewriter.replaceOpWithNewOp<ir::MulOp>(op, op.getLhs(), inverse), success();
  }
};

struct SimplifyPow : OpRewritePattern<ir::PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::PowOp op, PatternRewriter &rewriter) const override {
    if (!isFloat(op.getLhs())) return failure();
    if (isSplat(op.getRhs(), 1)) return rewriter.replaceOp(op, op.getLhs()), success();
    if (isSplat(op.getRhs(), 2))
      return rewriter.replaceOpWithNewOp<ir::MulOp>(op, op.getLhs(), op.getLhs()), success();
    return failure();
  }
};

/// f(f(x)) = x for neg and not.
template <class Op> struct DropInvolution : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().template getDefiningOp<Op>();
    if (!inner) return failure();
    return rewriter.replaceOp(op, inner.getOperand()), success();
  }
};

/// f(x, x) = x.
template <class Op> struct DropIdempotent : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (op.getLhs() != op.getRhs()) return failure();
    return rewriter.replaceOp(op, op.getLhs()), success();
  }
};

/// and/or with all bits set or none.
template <class Op, bool isAnd> struct SimplifyLogic : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    std::optional<Scalar> c = splatOf(op.getRhs());
    if (!c) return failure();
    bool isBool = getElementTypeOrSelf(op.getType()).isInteger(1);
    bool all = c->i == (isBool ? 1 : -1), none = c->i == 0;
    if (isAnd ? all : none) return rewriter.replaceOp(op, op.getLhs()), success();
    if (isAnd ? none : all) return rewriter.replaceOp(op, op.getRhs()), success();
    return failure();
  }
};

struct SimplifySelect : OpRewritePattern<ir::SelectOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SelectOp op, PatternRewriter &rewriter) const override {
    if (op.getOnTrue() == op.getOnFalse()) return rewriter.replaceOp(op, op.getOnTrue()), success();
    if (std::optional<Scalar> c = splatOf(op.getPred()))
      return rewriter.replaceOp(op, c->i ? op.getOnTrue() : op.getOnFalse()), success();
    if (auto inverted = op.getPred().getDefiningOp<ir::NotOp>())
      return rewriter.replaceOpWithNewOp<ir::SelectOp>(op, inverted.getOperand(), op.getOnFalse(),
                                                       op.getOnTrue()),
             success();
    return failure();
  }
};

/// Whether every value of `from` is exact in `to`.
bool holdsAll(Type from, Type to) {
  if (from == to || from.isInteger(1)) return true;
  if (to.isInteger(1)) return false;
  unsigned fromBits = from.getIntOrFloatBitWidth(), toBits = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from)) return isa<FloatType>(to) && toBits > fromBits;
  bool isUnsigned = from.isUnsignedInteger();
  unsigned digits = isUnsigned ? fromBits : fromBits - 1;
  if (auto real = dyn_cast<FloatType>(to)) return digits <= real.getFPMantissaWidth();
  return to.isUnsignedInteger() ? isUnsigned && toBits > fromBits : toBits - 1 >= digits;
}

struct SimplifyConvert : OpRewritePattern<ir::ConvertOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::ConvertOp op, PatternRewriter &rewriter) const override {
    if (op.getType() == op.getOperand().getType())
      return rewriter.replaceOp(op, op.getOperand()), success();
    auto inner = op.getOperand().getDefiningOp<ir::ConvertOp>();
    if (!inner) return failure();
    Type first = getElementTypeOrSelf(inner.getOperand().getType());
    if (!holdsAll(first, inner.getTo())) return failure();
    return rewriter.replaceOpWithNewOp<ir::ConvertOp>(op, inner.getOperand(), op.getTo()),
           success();
  }
};

struct SimplifyBitcast : OpRewritePattern<ir::BitcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::BitcastOp op, PatternRewriter &rewriter) const override {
    if (op.getType() == op.getOperand().getType())
      return rewriter.replaceOp(op, op.getOperand()), success();
    auto inner = op.getOperand().getDefiningOp<ir::BitcastOp>();
    if (!inner) return failure();
    return rewriter.replaceOpWithNewOp<ir::BitcastOp>(op, inner.getOperand(), op.getTo()),
           success();
  }
};

} // namespace

void populateAlgebraPatterns(RewritePatternSet &patterns) {
  patterns.add<SimplifyAdd, SimplifySub, SimplifyMul, SimplifyDiv, SimplifyPow,
               DropInvolution<ir::NegOp>, DropInvolution<ir::NotOp>, DropIdempotent<ir::MaxOp>,
               DropIdempotent<ir::MinOp>, DropIdempotent<ir::AndOp>, DropIdempotent<ir::OrOp>,
               SimplifyLogic<ir::AndOp, true>, SimplifyLogic<ir::OrOp, false>, SimplifySelect,
               SimplifyConvert, SimplifyBitcast>(patterns.getContext());
}

} // namespace weir::passes
