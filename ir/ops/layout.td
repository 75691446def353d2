// Layout ops move values without computing; creation ops make them out of attributes.
#ifndef WEIR_OPS_LAYOUT
#define WEIR_OPS_LAYOUT

include "ir/ops/base.td"

class Weir_LayoutOp<string mnemonic, Derivative d, string element = operandElement, list<Trait> traits = [],
                    Dtypes dtypes = AnyDtype>
    : Weir_SpaceOp<mnemonic, "Layout", d, dtypes, 0, element, traits>;

def Weir_BroadcastOp : Weir_LayoutOp<"broadcast", Linear<[0]>> {
  let summary = "operand dim i becomes result dim dims[i]; the other dims repeat";
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$shape, DenseI64ArrayAttr:$dims);
  let assemblyFormat = "$operand `shape` `=` $shape `dims` `=` $dims attr-dict `:` functional-type(operands, results)";
}
def Weir_ReshapeOp : Weir_LayoutOp<"reshape", Linear<[0]>> {
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$shape);
  let assemblyFormat = "$operand `shape` `=` $shape attr-dict `:` functional-type(operands, results)";
}
def Weir_TransposeOp : Weir_LayoutOp<"transpose", Linear<[0]>> {
  let summary = "result dim i is operand dim permutation[i]";
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$permutation);
  let assemblyFormat = "$operand `permutation` `=` $permutation attr-dict `:` functional-type(operands, results)";
}
def Weir_SliceOp : Weir_LayoutOp<"slice", Linear<[0]>> {
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$limits,
                       DenseI64ArrayAttr:$strides);
  let assemblyFormat = [{$operand `starts` `=` $starts `limits` `=` $limits `strides` `=` $strides
                         attr-dict `:` functional-type(operands, results)}];
}
def Weir_PadOp : Weir_LayoutOp<"pad", Linear<[0, 1]>> {
  let summary = "low and high elements of `value` around each dim, interior ones between neighbours";
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$value, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$interior);
  let assemblyFormat = [{$operand `,` $value `low` `=` $low `high` `=` $high `interior` `=` $interior
                         attr-dict `:` functional-type(operands, results)}];
}
def Weir_ConcatenateOp : Weir_LayoutOp<"concatenate", Linear<[]>> {
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dim);
  let assemblyFormat = "$inputs `dim` `=` $dim attr-dict `:` functional-type(operands, results)";
}
def Weir_ReverseOp : Weir_LayoutOp<"reverse", Linear<[0]>> {
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$dims);
  let assemblyFormat = "$operand `dims` `=` $dims attr-dict `:` functional-type(operands, results)";
}
def Weir_UnfoldOp : Weir_LayoutOp<"unfold", Linear<[0, 1]>> {
  let summary = "windows over `dims` as new last dims; `value` outside the operand";
  let description = [{
    result[..., o, ..., k_1, ..., k_m] = operand[..., o * stride + k * dilation - low, ...] along each of the m dims.
    Pooling is a reduction over the last m dims. low and high may be negative, which leaves elements out.
  }];
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$value, DenseI64ArrayAttr:$dims,
                       DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let assemblyFormat = [{$operand `,` $value `dims` `=` $dims `window` `=` $window `strides` `=` $strides
                         `dilations` `=` $dilations `low` `=` $low `high` `=` $high
                         attr-dict `:` functional-type(operands, results)}];
}

// ---- Creation ----
def Weir_ConstantOp : Weir_LayoutOp<"constant", Zero, "op.getValue().getElementType()", [ConstantLike]> {
  let arguments = (ins ElementsAttr:$value);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}
def Weir_IotaOp : Weir_LayoutOp<"iota", Zero, "op.getElement()", [], Numeric> {
  let summary = "each element is its index along `dim`";
  let arguments = (ins DenseI64ArrayAttr:$shape, I64Attr:$dim, TypeAttr:$element);
  let assemblyFormat = "`shape` `=` $shape `dim` `=` $dim `element` `=` $element attr-dict `:` type($result)";
}

#endif
