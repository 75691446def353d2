// Reductions remove `dims`. The order of a sum is fixed by shape and vector width, never by the kernel.
#ifndef WEIR_OPS_REDUCTION
#define WEIR_OPS_REDUCTION

include "ir/ops/base.td"

class Weir_ReductionOp<string mnemonic, string loopKind, Derivative d, Dtypes dtypes>
    : Weir_SpaceOp<mnemonic, "Reduction", d, dtypes, 1, operandElement> {
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$dims);
  let assemblyFormat = "$operand `dims` `=` $dims attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = weirDefinition # spaceDefinition # [{
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace(Adaptor op, ::weir::ir::EmitError error) {
      return ::weir::ir::reductionSpace(op.getOperands(), op.getDims(), ::weir::ir::LoopKind::}] # loopKind # [{, error);
    }
  }];
}

def Weir_ReduceSumOp : Weir_ReductionOp<"reduce_sum", "Sum", Linear<[0]>, Numeric>; // sum over `dims`
def Weir_ReduceMaxOp : Weir_ReductionOp<"reduce_max", "Max", ByHand, Numeric>; // largest over `dims`; NaN if any is
def Weir_ReduceMinOp : Weir_ReductionOp<"reduce_min", "Min", ByHand, Numeric>; // smallest over `dims`; NaN if any is
def Weir_ReduceProdOp : Weir_ReductionOp<"reduce_prod", "Prod", ByHand, Numeric>; // product over `dims`
def Weir_ReduceAndOp : Weir_ReductionOp<"reduce_and", "And", Zero, Bitwise>; // bits set in all over `dims`
def Weir_ReduceOrOp : Weir_ReductionOp<"reduce_or", "Or", Zero, Bitwise>; // bits set in any over `dims`

class Weir_ArgOp<string mnemonic> : Weir_SpaceOp<mnemonic, "Reduction", Zero, Numeric, 1,
    "::mlir::IntegerType::get(op.getOperand().getContext(), 32)"> {
  let arguments = (ins AnyRankedTensor:$operand, I64Attr:$dim);
  let assemblyFormat = "$operand `dim` `=` $dim attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = weirDefinition # spaceDefinition # [{
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace(Adaptor op, ::weir::ir::EmitError error) {
      return ::weir::ir::argSpace(op.getOperands(), op.getDim(), error);
    }
  }];
}

def Weir_ArgmaxOp : Weir_ArgOp<"argmax"> {
  let summary = "index of the largest element along `dim`; the first of equals, NaN above all";
}
def Weir_ArgminOp : Weir_ArgOp<"argmin"> {
  let summary = "index of the smallest element along `dim`; the first of equals, NaN below all";
}

def Weir_FoldOp : Weir_SpaceOp<"fold", "Reduction", Linear<[0]>, Numeric, 1, operandElement> {
  let summary = "sum windows back to where they were read: the adjoint of unfold";
  let description = [{
    The last m dims of the operand are windows, m entries in each list. Along dims[j],
    result[i] = sum over k of operand[(i + low - k * dilation) / stride, k] where that is whole and within the operand,
    in ascending k. `sizes` are the result's along dims.
  }];
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$dims, DenseI64ArrayAttr:$sizes,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$low);
  let assemblyFormat = [{$operand `dims` `=` $dims `sizes` `=` $sizes `strides` `=` $strides `dilations` `=` $dilations
                         `low` `=` $low attr-dict `:` functional-type(operands, results)}];
}

// Results of the operand's shape; each element combines all before it along `dim` (after it with `reverse`), itself
// included, one after the other: that order is the numeric contract.
class Weir_CumulativeOp<string mnemonic, Derivative d, Dtypes dtypes>
    : Weir_SpaceOp<mnemonic, "Reduction", d, dtypes, 1, operandElement> {
  let arguments = (ins AnyRankedTensor:$operand, I64Attr:$dim, BoolAttr:$reverse);
  let assemblyFormat = "$operand `dim` `=` $dim `reverse` `=` $reverse attr-dict `:` type($operand)";
  let extraClassDefinition = weirDefinition # spaceDefinition # [{
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace(Adaptor op, ::weir::ir::EmitError error) {
      return ::weir::ir::cumulativeSpace(op.getOperands(), op.getDim(), error);
    }
  }];
}

def Weir_CumulativeSumOp : Weir_CumulativeOp<"cumulative_sum", Linear<[0]>, Numeric>; // each element and all before it along `dim`, summed
def Weir_CumulativeProdOp : Weir_CumulativeOp<"cumulative_prod", ByHand, Numeric>; // each element and all before it along `dim`, multiplied
def Weir_CumulativeMaxOp : Weir_CumulativeOp<"cumulative_max", ByHand, Numeric>; // largest so far along `dim`
def Weir_CumulativeMinOp : Weir_CumulativeOp<"cumulative_min", ByHand, Numeric>; // smallest so far along `dim`
def Weir_CumulativeLogsumexpOp : Weir_CumulativeOp<"cumulative_logsumexp", ByHand, Float>; // log of the sum of exponentials so far along `dim`

def Weir_LinearRecurrenceOp : Weir_SpaceOp<"linear_recurrence", "Reduction", ByHand, Float, 2, operandElement,
                                           [SameTypeOperands]> {
  let summary = "s_i = a_i * s_(i-1) + b_i along `dim` from s = 0, one fused multiply-add a step";
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b, I64Attr:$dim, BoolAttr:$reverse);
  let assemblyFormat = "$a `,` $b `dim` `=` $dim `reverse` `=` $reverse attr-dict `:` type($a)";
  let extraClassDefinition = weirDefinition # spaceDefinition # [{
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace(Adaptor op, ::weir::ir::EmitError error) {
      return ::weir::ir::cumulativeSpace(op.getOperands(), op.getDim(), error);
    }
  }];
}

#endif
