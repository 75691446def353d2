// The rule classes: each turns a formula of one to three lines into a Rule.
//
// pointwise    y = f(x...), element by element: one partial derivative for each operand, as an Expr
// of x and y. linear       the op itself acts on the tangents; the formula is its transpose.
// multilinear  linear in one operand at a time (product rule); the formula is the transpose in
// operand i. byHand       the tangent of the only result, written out in linear ops that have
// transposes. Which operands are the linear ones is read from the op's derivative class, where it
// is declared.
#pragma once

#include "autodiff/models/rules.h"
#include <type_traits>

namespace weir::autodiff {

namespace detail {
/// The op on `tangents` in place of its linear operands (zeros where a tangent is known to be
/// zero).
void applyToTangents(Forward &f, const ir::Derivative &derivative);
/// The sum over the linear operands of the op with that operand alone replaced by its tangent.
void productRule(Forward &f, const ir::Derivative &derivative);
/// Adds `factor` times the tangent of `operand` to the tangent of the result.
void addTerm(Forward &f, unsigned operand, mlir::Value factor);

template <typename Op, typename SecondFn> void sumTangents(Forward &f, SecondFn second) {
  mlir::Value x = f.tangents[0], y = f.tangents[1];
  if (x && y)
    f.resultTangents[0] = Op::create(f.b, x, y);
  else
    f.resultTangents[0] = x ? x : second(f.b, y);
}

inline mlir::Value asFactor(Expr, Expr factor) {
  return factor;
}
inline mlir::Value asFactor(Expr y, double factor) {
  return factor == 1.0 ? mlir::Value() : y.number(factor);
}
} // namespace detail

template <typename Op, typename... Partials>
void pointwise(DerivativeRules &c, Partials... partials) {
  c.add<Op>({ir::Derivative::Pointwise, [=](Forward &f) {
               unsigned operand = 0;
               Operands x(f.b, f.op->getOperands());
               Expr y(f.b, f.op->getResult(0));
               auto term = [&](auto partial) {
                 if (f.tangents[operand])
                   detail::addTerm(f, operand, detail::asFactor(y, partial(x, y)));
                 ++operand;
               };
               (term(partials), ...);
             }});
}

/// `transpose(b, op, cotangent)`, or `transpose(b, op, cotangent, operand)` when several operands
/// are linear.
template <typename Op, typename TransposeFn>
std::function<void(Backward &)> backwardOfEach(TransposeFn transpose) {
  return [=](Backward &r) {
    ir::Derivative derivative = Op::derivativeClass();
    for (unsigned i = 0; i < r.op->getNumOperands(); ++i) {
      if (!derivative.isLinearIn(i) || !r.isLinear(r.op->getOperand(i))) continue;
      if constexpr (std::is_invocable_v<TransposeFn, RuleBuilder &, Op, mlir::Value, unsigned>)
        r.give(i, transpose(r.b, llvm::cast<Op>(r.op), r.cotangents[0], i));
      else
        r.give(i, transpose(r.b, llvm::cast<Op>(r.op), r.cotangents[0]));
    }
  };
}

template <typename Op, typename TransposeFn>
void linear(DerivativeRules &c, TransposeFn transpose) {
  c.add<Op>({ir::Derivative::Linear,
             [](Forward &f) { detail::applyToTangents(f, Op::derivativeClass()); },
             backwardOfEach<Op>(transpose)});
}

template <typename Op, typename TransposeFn>
void multilinear(DerivativeRules &c, TransposeFn transpose) {
  c.add<Op>({ir::Derivative::Multilinear,
             [](Forward &f) { detail::productRule(f, Op::derivativeClass()); },
             backwardOfEach<Op>(transpose)});
}

/// x + s(y), with s linear and its own transpose: zero tangents need no op. `second(b, v)` is s.
template <typename Op, typename SecondFn> void sum(DerivativeRules &c, SecondFn second) {
  c.add<Op>({ir::Derivative::Linear, [=](Forward &f) { detail::sumTangents<Op>(f, second); },
             backwardOfEach<Op>([=](RuleBuilder &b, Op op, mlir::Value ct, unsigned i) {
               return i == 0 ? ct : second(b, ct);
             })});
}

/// `tangent(b, op, t)`: the tangent of the only result from the tangent of the first operand.
template <typename Op, typename TangentFn> void byHand(DerivativeRules &c, TangentFn tangent) {
  c.add<Op>({ir::Derivative::ByHand, [=](Forward &f) {
               f.resultTangents[0] = tangent(f.b, llvm::cast<Op>(f.op), f.tangents[0]);
             }});
}

template <typename Op> void structured(DerivativeRules &c, const Structure &structure) {
  c.add<Op>({ir::Derivative::ByHand, nullptr, nullptr, &structure});
}

} // namespace weir::autodiff
