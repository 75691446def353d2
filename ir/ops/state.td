// Ops about the life of values rather than their numbers.
#ifndef WEIR_OPS_STATE
#define WEIR_OPS_STATE

include "ir/ops/base.td"

def Weir_BarrierOp : Weir_Op<"barrier", "State", Linear<[]>, [Pure]> {
  let summary = "the same values, recomputed rather than shared: common subexpressions are not merged across it";
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($outputs)";
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$inputs), [{
    build($_builder, $_state, ::mlir::TypeRange(inputs), inputs);
  }]>];
  let hasVerifier = 1;
}
def Weir_UndefOp : Weir_SpaceOp<"undef", "State", Zero, AnyDtype, 0, "op.getElement()"> {
  let summary = "a value that is never read: a residual of the branch not taken";
  let arguments = (ins DenseI64ArrayAttr:$shape, TypeAttr:$element);
  let assemblyFormat = "`shape` `=` $shape `element` `=` $element attr-dict `:` type($result)";
}

#endif
