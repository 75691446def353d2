// Positions given by data. gather and the scatters share one convention: the first `batch_dims` dims of operand
// and indices go together, `dim` of the operand is indexed; the picked value has operand dims before `dim`, then the
// indices' dims after the batch, then operand dims after `dim`.
#ifndef WEIR_OPS_INDEXING
#define WEIR_OPS_INDEXING

include "ir/ops/base.td"

class Weir_IndexingOp<string mnemonic, Derivative d, int flops = 0, Dtypes dtypes = AnyDtype>
    : Weir_SpaceOp<mnemonic, "Indexing", d, dtypes, flops, operandElement>;

def Weir_GatherOp : Weir_IndexingOp<"gather", Linear<[0]>> {
  let summary = "pick slices along `dim`; an index out of range is clamped";
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$indices, I64Attr:$dim, I64Attr:$batch_dims);
  let assemblyFormat = "operands `dim` `=` $dim `batch_dims` `=` $batch_dims attr-dict `:` functional-type(operands, results)";
}

// `loopKind` is how updates that meet at one element are combined; "Parallel" where they are not.
class Weir_ScatterOp<string mnemonic, string loopKind, Derivative d, Dtypes dtypes = Numeric>
    : Weir_IndexingOp<mnemonic, d, !if(!eq(loopKind, "Parallel"), 0, 1), dtypes> {
  let arguments = (ins AnyRankedTensor:$operand, AnyRankedTensor:$indices, AnyRankedTensor:$updates,
                       I64Attr:$dim, I64Attr:$batch_dims);
  let assemblyFormat = "operands `dim` `=` $dim `batch_dims` `=` $batch_dims attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = weirDefinition # spaceDefinition # [{
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace(Adaptor op, ::weir::ir::EmitError error) {
      return ::weir::ir::scatterSpace(op.getOperands(), op.getDim(), op.getBatchDims(),
                                      ::weir::ir::LoopKind::}] # loopKind # [{, error);
    }
  }];
}

def Weir_ScatterAddOp : Weir_ScatterOp<"scatter_add", "Sum", Linear<[0, 2]>> {
  let summary = "add slices along `dim` in ascending index order; an index out of range is dropped";
}
def Weir_ScatterMulOp : Weir_ScatterOp<"scatter_mul", "Prod", ByHand>; // multiply slices along `dim` in ascending index order; an index out of range is dropped
def Weir_ScatterMaxOp : Weir_ScatterOp<"scatter_max", "Max", ByHand>; // the larger of slices that meet along `dim`
def Weir_ScatterMinOp : Weir_ScatterOp<"scatter_min", "Min", ByHand>; // the smaller of slices that meet along `dim`
def Weir_ScatterSetOp : Weir_ScatterOp<"scatter_set", "Parallel", Linear<[0, 2]>, AnyDtype> {
  let summary = "replace slices along `dim`; where indices repeat, the last in ascending order stays";
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

def Weir_SortOp : Weir_Op<"sort", "Indexing", ByHand,
    [Pure, InferTypeOpAdaptor, DeclareOpInterfaceMethods<Weir_IterationSpaceInterface>]> {
  let summary = "stable sort along `dim`, by the first `num_keys` inputs in turn; the others go along";
  let description = [{
    Floats are in total order with -0 equal to +0 and every NaN last: after inf ascending, before it descending.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dim, I64Attr:$num_keys, BoolAttr:$descending);
  let results = (outs Variadic<AnyRankedTensor>:$sorted);
  let assemblyFormat = [{$inputs `dim` `=` $dim `keys` `=` $num_keys `descending` `=` $descending
                         attr-dict `:` type($inputs)}];
  let extraClassDeclaration = [{
    static ::llvm::FailureOr<::weir::ir::IterationSpace> iterationSpace(Adaptor op, ::weir::ir::EmitError error);
  }];
  let extraClassDefinition = weirDefinition # [{
    int64_t $cppClass::flopsPerPoint() { return 0; }
    ::weir::ir::DtypeClass $cppClass::dtypes() { return ::weir::ir::DtypeClass::Any; }
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace() {
      return iterationSpace(Adaptor(*this), [&] { return emitError(); });
    }
  }];
}

#endif
