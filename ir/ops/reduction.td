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

def Weir_ReduceSumOp : Weir_ReductionOp<"reduce_sum", "Sum", Linear<[0]>, Numeric>;
def Weir_ReduceMaxOp : Weir_ReductionOp<"reduce_max", "Max", ByHand, Numeric>;
def Weir_ReduceMinOp : Weir_ReductionOp<"reduce_min", "Min", ByHand, Numeric>;
def Weir_ReduceProdOp : Weir_ReductionOp<"reduce_prod", "Prod", ByHand, Numeric>;
def Weir_ReduceAndOp : Weir_ReductionOp<"reduce_and", "And", Zero, Bitwise>;
def Weir_ReduceOrOp : Weir_ReductionOp<"reduce_or", "Or", Zero, Bitwise>;

def Weir_ArgmaxOp : Weir_SpaceOp<"argmax", "Reduction", Zero, Numeric, 1,
    "::mlir::IntegerType::get(op.getOperand().getContext(), 32)"> {
  let summary = "index of the largest element along `dim`; the first of equals, NaN above all";
  let arguments = (ins AnyRankedTensor:$operand, I64Attr:$dim);
  let assemblyFormat = "$operand `dim` `=` $dim attr-dict `:` functional-type(operands, results)";
}

#endif
