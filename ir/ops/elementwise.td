// Elementwise ops: one value out for each position; operands have equal shapes (broadcasting is an op of its own).
#ifndef WEIR_OPS_ELEMENTWISE
#define WEIR_OPS_ELEMENTWISE

include "ir/ops/base.td"

class Weir_ElementwiseOp<string mnemonic, Derivative d, Dtypes dtypes, string element, list<Trait> traits = []>
    : Weir_SpaceOp<mnemonic, "Elementwise", d, dtypes, 1, element, !listconcat([Elementwise], traits)> {
  let extraClassDefinition = weirDefinition # spaceDefinition # [{
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace(Adaptor op, ::weir::ir::EmitError error) {
      return ::weir::ir::elementwiseSpace(op.getOperands(), error);
    }
  }];
}

class Weir_UnaryOp<string mnemonic, Derivative d, Dtypes dtypes, string element = operandElement>
    : Weir_ElementwiseOp<mnemonic, d, dtypes, element> {
  let arguments = (ins AnyRankedTensor:$operand);
  let assemblyFormat = "$operand attr-dict `:` type($operand)";
}

class Weir_BinaryOp<string mnemonic, Derivative d, Dtypes dtypes, list<Trait> traits = [],
                    string element = operandElement>
    : Weir_ElementwiseOp<mnemonic, d, dtypes, element, !listconcat([SameTypeOperands], traits)> {
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs)";
}

// ---- Unary ----
def Weir_AbsOp : Weir_UnaryOp<"abs", Pointwise, Numeric>; // magnitude
def Weir_NegOp : Weir_UnaryOp<"neg", Linear<[0]>, Numeric>; // -x
def Weir_SignOp : Weir_UnaryOp<"sign", Zero, Numeric>; // -1, 0 with its sign, 1 or NaN
def Weir_ExpOp : Weir_UnaryOp<"exp", Pointwise, Float>; // e^x
def Weir_Expm1Op : Weir_UnaryOp<"expm1", Pointwise, Float>; // e^x - 1, accurate near 0
def Weir_LogOp : Weir_UnaryOp<"log", Pointwise, Float>; // natural logarithm
def Weir_Log1pOp : Weir_UnaryOp<"log1p", Pointwise, Float>; // log(1 + x), accurate near 0
def Weir_SqrtOp : Weir_UnaryOp<"sqrt", Pointwise, Float>; // square root
def Weir_RsqrtOp : Weir_UnaryOp<"rsqrt", Pointwise, Float>; // 1 / sqrt(x)
def Weir_CbrtOp : Weir_UnaryOp<"cbrt", Pointwise, Float>; // cube root
def Weir_TanhOp : Weir_UnaryOp<"tanh", Pointwise, Float>;
def Weir_LogisticOp : Weir_UnaryOp<"logistic", Pointwise, Float>; // 1 / (1 + e^-x)
def Weir_SinOp : Weir_UnaryOp<"sin", Pointwise, Float>;
def Weir_CosOp : Weir_UnaryOp<"cos", Pointwise, Float>;
def Weir_TanOp : Weir_UnaryOp<"tan", Pointwise, Float>;
def Weir_ErfOp : Weir_UnaryOp<"erf", Pointwise, Float>; // error function
def Weir_ErfcOp : Weir_UnaryOp<"erfc", Pointwise, Float>; // 1 - erf(x), accurate where it is small
def Weir_ErfInvOp : Weir_UnaryOp<"erf_inv", Pointwise, Float>; // inverse of erf
def Weir_LgammaOp : Weir_UnaryOp<"lgamma", Pointwise, Float>; // log of the magnitude of the gamma function
def Weir_DigammaOp : Weir_UnaryOp<"digamma", Pointwise, Float>; // derivative of lgamma
def Weir_FloorOp : Weir_UnaryOp<"floor", Zero, Float>; // down to an integer
def Weir_CeilOp : Weir_UnaryOp<"ceil", Zero, Float>; // up to an integer
def Weir_RoundOp : Weir_UnaryOp<"round", Zero, Float>; // to the nearest integer, halves away from zero
def Weir_RoundEvenOp : Weir_UnaryOp<"round_even", Zero, Float>; // to the nearest integer, halves to the even one
def Weir_IsFiniteOp : Weir_UnaryOp<"is_finite", Zero, Float, "::weir::ir::boolType(op.getOperands()[0])">; // neither infinite nor NaN
def Weir_NotOp : Weir_UnaryOp<"not", Zero, Bitwise>; // bits, or truth of i1
def Weir_PopcntOp : Weir_UnaryOp<"popcnt", Zero, Integer>; // number of bits set
def Weir_CountLeadingZerosOp : Weir_UnaryOp<"count_leading_zeros", Zero, Integer>; // zero bits above the highest one

// ---- Binary; integers wrap, and nothing traps ----
def Weir_AddOp : Weir_BinaryOp<"add", Linear<[0, 1]>, Numeric, [Commutative]>;
def Weir_SubOp : Weir_BinaryOp<"sub", Linear<[0, 1]>, Numeric>;
def Weir_MulOp : Weir_BinaryOp<"mul", Multilinear<[0, 1]>, Numeric, [Commutative]>;
def Weir_DivOp : Weir_BinaryOp<"div", Pointwise, Numeric> {
  let summary = "integers truncate; x / 0 is all bits set; the least number / -1 is itself";
}
def Weir_RemOp : Weir_BinaryOp<"rem", Pointwise, Numeric> {
  let summary = "has the sign of the dividend; of integers, x rem 0 is x";
}
def Weir_PowOp : Weir_BinaryOp<"pow", Pointwise, Numeric>; // lhs to the power of rhs; integers wrap
def Weir_MaxOp : Weir_BinaryOp<"max", Pointwise, Numeric, [Commutative]>; // NaN if either is
def Weir_MinOp : Weir_BinaryOp<"min", Pointwise, Numeric, [Commutative]>; // NaN if either is
def Weir_Atan2Op : Weir_BinaryOp<"atan2", Pointwise, Float>; // angle of the point (rhs, lhs)
// Hurwitz zeta of (x, q); differentiable in q only, as zeta'(x) has no closed form: d/dq = -x zeta(x + 1, q).
def Weir_ZetaOp : Weir_BinaryOp<"zeta", Pointwise, Float>; // Hurwitz zeta of (x, q), differentiable in q only
def Weir_AndOp : Weir_BinaryOp<"and", Zero, Bitwise, [Commutative]>;
def Weir_OrOp : Weir_BinaryOp<"or", Zero, Bitwise, [Commutative]>;
def Weir_XorOp : Weir_BinaryOp<"xor", Zero, Bitwise, [Commutative]>;
def Weir_ShiftLeftOp : Weir_BinaryOp<"shift_left", Zero, Integer>; // zero where the amount is the width or more
def Weir_ShiftRightLogicalOp : Weir_BinaryOp<"shift_right_logical", Zero, Integer>; // fills with zeros
// The top bit is the sign, of unsigned integers too.
def Weir_ShiftRightArithmeticOp : Weir_BinaryOp<"shift_right_arithmetic", Zero, Integer>; // fills with the sign

// ---- Others ----
def Weir_CompareOp : Weir_ElementwiseOp<"compare", Zero, AnyDtype,
    "::weir::ir::boolType(op.getOperands()[0])", [SameTypeOperands]> {
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs, Weir_CompareDirectionAttr:$direction);
  let assemblyFormat = "$direction $lhs `,` $rhs attr-dict `:` type($lhs)";
}

def Weir_SelectOp : Weir_ElementwiseOp<"select", Linear<[1, 2]>, AnyDtype,
    "::weir::ir::elementOf(op.getOperands()[1])"> {
  let arguments = (ins AnyRankedTensor:$pred, AnyRankedTensor:$on_true, AnyRankedTensor:$on_false);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weir_ConvertOp : Weir_ElementwiseOp<"convert", Linear<[0]>, AnyDtype, "op.getTo()"> {
  let summary = "value conversion; linear between floats, else its derivative is zero";
  let description = [{
    To a float: rounded once, to nearest even. Float to integer truncates towards zero and saturates at the least and
    the largest integer; NaN becomes 0. Integer to integer keeps the low bits. To i1: whether it is not zero.
  }];
  let arguments = (ins AnyRankedTensor:$operand, TypeAttr:$to);
  let assemblyFormat = "$operand `to` $to attr-dict `:` functional-type(operands, results)";
}

def Weir_BitcastOp : Weir_ElementwiseOp<"bitcast", Zero, AnyDtype, "op.getTo()"> {
  let arguments = (ins AnyRankedTensor:$operand, TypeAttr:$to);
  let assemblyFormat = "$operand `to` $to attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
