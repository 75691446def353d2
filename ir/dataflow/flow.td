// The flow dialect: the dataflow primitives of Yu et al. 2018, "Dynamic control flow in large-scale machine learning",
// in a graph region. README.md says what they mean together.
#ifndef WEIR_FLOW
#define WEIR_FLOW

include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Flow_Dialect : Dialect {
  let name = "flow";
  let cppNamespace = "::weir::ir::flow";
  let summary = "control flow as tokens that are alive or dead, tagged by frame and iteration";
}

class Flow_Op<string mnemonic, list<Trait> traits = []> : Op<Flow_Dialect, mnemonic, traits>;
class Flow_Primitive<string mnemonic, list<Trait> traits = []>
    : Flow_Op<mnemonic, !listconcat([HasParent<"GraphOp">, NoMemoryEffect], traits)>;

def Flow_Predicate : Type<
    CPred<"$_self == ::mlir::RankedTensorType::get({}, ::mlir::IntegerType::get($_self.getContext(), 1))">, "i1 scalar">,
    BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI1Type())">;
def Flow_Index : Type<
    CPred<"$_self == ::mlir::RankedTensorType::get({}, ::mlir::IntegerType::get($_self.getContext(), 32))">, "i32 scalar">,
    BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI32Type())">;

def Flow_GraphOp : Flow_Op<"graph", [RegionKindInterface, HasOnlyGraphRegion, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "a graph of these primitives and ordinary ops, which may have cycles";
  let description = [{
    An op runs when a token has come for each operand. Values from outside come once, in the outermost frame; there,
    ops without operands run once. The results are what reaches `output`.
  }];
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`->` type($outputs)^)? attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Flow_OutputOp : Flow_Op<"output", [HasParent<"GraphOp">, Terminator, NoMemoryEffect]> {
  let summary = "the values of the graph's results";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Flow_SwitchOp : Flow_Primitive<"switch", [AllTypesMatch<["value", "if_false", "if_true"]>]> {
  let summary = "the value goes where the predicate says; the token of the other output is dead";
  let arguments = (ins AnyRankedTensor:$value, Flow_Predicate:$pred);
  let results = (outs AnyRankedTensor:$if_false, AnyRankedTensor:$if_true);
  let assemblyFormat = "$value `by` $pred attr-dict `:` type($value)";
}

def Flow_MergeOp : Flow_Primitive<"merge"> {
  let summary = "the input that is alive, and which one that is; dead if none is";
  let description = [{
    Runs as soon as a living token comes. In the first iteration of a frame no token is expected from
    `next_iteration`, in later ones only from there.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs);
  let results = (outs AnyRankedTensor:$result, Flow_Index:$index);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def Flow_EnterOp : Flow_Primitive<"enter", [AllTypesMatch<["value", "result"]>]> {
  let summary = "takes a value into the first iteration of a frame, a constant into all of them";
  let description = [{
    There is an instance of the frame for each iteration of the frame around it. A frame is named once in a graph.
  }];
  let arguments = (ins AnyRankedTensor:$value, StrAttr:$frame, UnitAttr:$is_constant);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "(`constant` $is_constant^)? $value `frame` `=` $frame attr-dict `:` type($value)";
}

def Flow_ExitOp : Flow_Primitive<"exit", [AllTypesMatch<["value", "result"]>]> {
  let summary = "gives a value to the frame around; dead only if no iteration gave a living one";
  let arguments = (ins AnyRankedTensor:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Flow_NextIterationOp : Flow_Primitive<"next_iteration", [AllTypesMatch<["value", "result"]>]> {
  let summary = "gives a value to the frame's next iteration; a dead token ends here";
  let arguments = (ins AnyRankedTensor:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif
