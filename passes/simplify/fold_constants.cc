// Elementwise and layout ops on constants become constants: splats of any size, others up to a few
// elements. Arithmetic is done in f64 and rounded once, which is exact for + - * / and sqrt in f32.
// Functions whose machine code may differ in the last bit (exp, tanh, ...) are folded as well: the
// fold depends on the graph alone.
#include "ir/dialect/weir.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/simplify/scalar.h"
#include "passes/simplify/simplify.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int64_t kMaxElements = 64;

std::optional<double> unaryFloat(Operation *op, double x) {
  return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](ir::AbsOp) { return std::fabs(x); })
      .Case([&](ir::NegOp) { return -x; })
      .Case([&](ir::ExpOp) { return std::exp(x); })
      .Case([&](ir::LogOp) { return std::log(x); })
      .Case([&](ir::Log1pOp) { return std::log1p(x); })
      .Case([&](ir::Expm1Op) { return std::expm1(x); })
      .Case([&](ir::SqrtOp) { return std::sqrt(x); })
      .Case([&](ir::RsqrtOp) { return 1.0 / std::sqrt(x); })
      .Case([&](ir::TanhOp) { return std::tanh(x); })
      .Case([&](ir::SinOp) { return std::sin(x); })
      .Case([&](ir::CosOp) { return std::cos(x); })
      .Case([&](ir::FloorOp) { return std::floor(x); })
      .Case([&](ir::CeilOp) { return std::ceil(x); })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<double> binaryFloat(Operation *op, double x, double y) {
  return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](ir::AddOp) { return x + y; })
      .Case([&](ir::SubOp) { return x - y; })
      .Case([&](ir::MulOp) { return x * y; })
      .Case([&](ir::DivOp) { return x / y; })
      .Case([&](ir::PowOp) { return std::pow(x, y); })
      .Default([](Operation *) { return std::nullopt; });
}

/// Two's complement, so that overflow wraps as in machine code; the caller truncates to the
/// element's width.
std::optional<int64_t> binaryInt(Operation *op, int64_t x, int64_t y) {
  uint64_t a = x, b = y;
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](ir::AddOp) { return int64_t(a + b); })
      .Case([&](ir::SubOp) { return int64_t(a - b); })
      .Case([&](ir::MulOp) { return int64_t(a * b); })
      .Case([&](ir::MaxOp) { return std::max(x, y); })
      .Case([&](ir::MinOp) { return std::min(x, y); })
      .Case([&](ir::AndOp) { return int64_t(a & b); })
      .Case([&](ir::OrOp) { return int64_t(a | b); })
      .Case([&](ir::XorOp) { return int64_t(a ^ b); })
      .Default([](Operation *) { return std::nullopt; });
}

template <class T> bool isTrue(ir::CompareDirection direction, T x, T y) {
  switch (direction) {
  case ir::CompareDirection::eq:
    return x == y;
  case ir::CompareDirection::ne:
    return x != y;
  case ir::CompareDirection::lt:
    return x < y;
  case ir::CompareDirection::le:
    return x <= y;
  case ir::CompareDirection::gt:
    return x > y;
  case ir::CompareDirection::ge:
    return x >= y;
  }
  return false;
}

/// Rounding twice and saturation are the interpreter's affair.
std::optional<Scalar> convertScalar(Type to, Scalar x) {
  constexpr int64_t exact = int64_t(1) << 53;
  if (to.isInteger(1)) return Scalar{false, 0, x.isFloat ? x.f != 0 : x.i != 0};
  if (!x.isFloat && !isa<FloatType>(to)) return Scalar{false, 0, x.i};
  if (!x.isFloat && (x.i > exact || x.i < -exact)) return std::nullopt;
  if (isa<FloatType>(to)) return Scalar{true, x.isFloat ? x.f : double(x.i), 0};
  if (!holds(to, std::trunc(x.f)) || std::fabs(x.f) > exact) return std::nullopt;
  return Scalar{false, 0, int64_t(x.f)};
}

std::optional<Scalar> evaluate(Operation *op, ArrayRef<Scalar> x) {
  auto asFloat = [](std::optional<double> v) {
    return v ? std::optional(Scalar{true, *v, 0}) : std::nullopt;
  };
  auto asInt = [](std::optional<int64_t> v) {
    return v ? std::optional(Scalar{false, 0, *v}) : std::nullopt;
  };
  // Values of ui64 are not in the order of their i64 bits.
  Type element = getElementTypeOrSelf(op->getOperands().back().getType());
  if (element.isUnsignedInteger(64) && isa<ir::CompareOp, ir::MaxOp, ir::MinOp>(op))
    return std::nullopt;
  if (auto compare = dyn_cast<ir::CompareOp>(op)) {
    bool result = x[0].isFloat ? isTrue(compare.getDirection(), x[0].f, x[1].f)
                               : isTrue(compare.getDirection(), x[0].i, x[1].i);
    return Scalar{false, 0, result};
  }
  if (isa<ir::SelectOp>(op)) return x[0].i ? x[1] : x[2];
  if (auto convert = dyn_cast<ir::ConvertOp>(op)) return convertScalar(convert.getTo(), x[0]);
  bool isBool = getElementTypeOrSelf(op->getOperand(0).getType()).isInteger(1);
  if (isa<ir::NotOp>(op)) return Scalar{false, 0, isBool ? !x[0].i : ~x[0].i};
  if (x.size() == 1)
    return x[0].isFloat         ? asFloat(unaryFloat(op, x[0].f))
           : isa<ir::NegOp>(op) ? asInt(int64_t(-uint64_t(x[0].i)))
                                : std::nullopt;
  if (x.size() == 2)
    return x[0].isFloat ? asFloat(binaryFloat(op, x[0].f, x[1].f))
                        : asInt(binaryInt(op, x[0].i, x[1].i));
  return std::nullopt;
}

/// Elementwise op, all operands constant.
struct FoldElementwise : RewritePattern {
  explicit FoldElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 10, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<OpTrait::Elementwise>() || op->getNumResults() != 1 ||
        op->getNumOperands() == 0)
      return failure();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    bool allSplat = true;
    SmallVector<Scalar> splats;
    for (Value operand : op->getOperands()) {
      if (!operand.getDefiningOp<ir::ConstantOp>()) return failure();
      std::optional<Scalar> s = splatOf(operand);
      allSplat &= s.has_value();
      splats.push_back(s.value_or(Scalar{}));
    }
    if (allSplat) {
      std::optional<Scalar> result = evaluate(op, splats);
      if (!result) return failure();
      rewriter.replaceOp(op, splatConstant(rewriter, op->getLoc(), type, *result));
      return success();
    }
    return foldElements(op, type, rewriter);
  }

  static LogicalResult foldElements(Operation *op, RankedTensorType type,
                                    PatternRewriter &rewriter) {
    SmallVector<SmallVector<Scalar>> columns;
    for (Value operand : op->getOperands()) {
      auto elements = elementsOf(operand, kMaxElements);
      if (!elements) return failure();
      columns.push_back(std::move(*elements));
    }
    SmallVector<Attribute> results;
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
      SmallVector<Scalar> x;
      for (auto &column : columns) x.push_back(column[i]);
      std::optional<Scalar> result = evaluate(op, x);
      if (!result) return failure();
      results.push_back(scalarAttr(type.getElementType(), *result));
    }
    rewriter.replaceOpWithNewOp<ir::ConstantOp>(op, DenseElementsAttr::get(type, results));
    return success();
  }
};

/// Moving equal elements around changes nothing but the shape.
template <class Op> struct FoldSplatLayout : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    std::optional<Scalar> s = splatOf(op->getOperand(0));
    if (!s) return failure();
    rewriter.replaceOp(op, splatConstant(rewriter, op.getLoc(), op.getType(), *s));
    return success();
  }
};

struct FoldConstantReshape : OpRewritePattern<ir::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::ReshapeOp op, PatternRewriter &rewriter) const override {
    auto constant = op.getOperand().getDefiningOp<ir::ConstantOp>();
    auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
    if (!dense) return failure();
    rewriter.replaceOpWithNewOp<ir::ConstantOp>(op, dense.reshape(cast<ShapedType>(op.getType())));
    return success();
  }
};

} // namespace

void populateFoldConstantPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldElementwise, FoldSplatLayout<ir::BroadcastOp>, FoldSplatLayout<ir::TransposeOp>,
               FoldSplatLayout<ir::SliceOp>, FoldSplatLayout<ir::ReverseOp>, FoldConstantReshape>(
      patterns.getContext());
}

} // namespace weir::passes
