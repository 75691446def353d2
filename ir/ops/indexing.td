// Positions given by data. gather and scatter_add share one convention: the first `batch_dims` dims of operand
// and indices go together, `dim` of the operand is indexed; the picked value has operand dims before `dim`, then the
// indices' dims after the batch, then operand dims after `dim`.
#ifndef WEIR_OPS_INDEXING
#define WEIR_OPS_INDEXING

include "ir/ops/base.td"

class Weir_IndexingOp<string mnemonic, Derivative d, int flops = 0>
    : Weir_SpaceOp<mnemonic, "Indexing", d, AnyDtype, flops, operandElement>;

def Weir_GatherOp : Weir_IndexingOp<"gather", Linear<[0]>> {
  let summary = "pick slices along `dim`; an index out of range is clamped";
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$indices, I64Attr:$dim, I64Attr:$batch_dims);
  let assemblyFormat = "operands `dim` `=` $dim `batch_dims` `=` $batch_dims attr-dict `:` functional-type(operands, results)";
}
def Weir_ScatterAddOp : Weir_IndexingOp<"scatter_add", Linear<[0, 2]>, 1> {
  let summary = "add slices along `dim` in ascending index order; an index out of range is dropped";
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$indices, AnyRankedTensor:$updates,
                       I64Attr:$dim, I64Attr:$batch_dims);
  let assemblyFormat = "operands `dim` `=` $dim `batch_dims` `=` $batch_dims attr-dict `:` functional-type(operands, results)";
}
def Weir_DynamicSliceOp : Weir_IndexingOp<"dynamic_slice", Linear<[0]>> {
  let summary = "a window of `sizes`; starts are clamped so that it lies inside";
  let arguments = (ins AnyRankedTensor:$operand, Variadic<AnyRankedTensor>:$starts, DenseI64ArrayAttr:$sizes);
  let assemblyFormat = "operands `sizes` `=` $sizes attr-dict `:` functional-type(operands, results)";
}
def Weir_DynamicUpdateSliceOp : Weir_IndexingOp<"dynamic_update_slice", Linear<[0, 1]>> {
  let summary = "the operand with a window replaced; starts are clamped so that it lies inside";
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$update, Variadic<AnyRankedTensor>:$starts);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif
