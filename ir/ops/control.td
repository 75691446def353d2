// Control flow with regions, calls, and the requests for derivatives and batches of functions.
#ifndef WEIR_OPS_CONTROL
#define WEIR_OPS_CONTROL

include "ir/ops/base.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Weir_YieldOp : Weir_Op<"yield", "Control", ByHand, [Pure, Terminator, ReturnLike, ParentOneOf<["IfOp", "ScanOp", "WhileOp", "SweepOp"]>]> {
  let arguments = (ins Variadic<AnyRankedTensor>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_builder; }]>];
}

def Weir_IfOp : Weir_Op<"if", "Control", ByHand, [RecursiveMemoryEffects, NoRegionArguments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "only the region taken runs; regions may use outer values";
  let arguments = (ins AnyRankedTensor:$pred);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = [{$pred attr-dict `:` functional-type($pred, results) $then_region `else` $else_region}];
  let hasVerifier = 1;
}

def Weir_ScanOp : Weir_Op<"scan", "Control", ByHand, [RecursiveMemoryEffects, AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "counted loop: body(carries, slices of xs) -> (carries, slices of ys)";
  let description = [{
    Results are the final carries, then ys stacked along a new leading dim of `trips`. Slice i of `xs` is xs[i];
    with `reverse` the iterations run from the last index to the first. Regions may use outer values.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inits, Variadic<AnyRankedTensor>:$xs, I64Attr:$trips,
                       UnitAttr:$reverse);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{`inits` `(` $inits `)` `xs` `(` $xs `)` `trips` `=` $trips (`reverse` $reverse^)?
                         attr-dict `:` functional-type(operands, results) $body}];
  let extraClassDeclaration = [{
    int64_t numCarries() { return getInits().size(); }
    ::mlir::Block::BlockArgListType carryArgs() { return getBody().front().getArguments().take_front(numCarries()); }
    ::mlir::Block::BlockArgListType sliceArgs() { return getBody().front().getArguments().drop_front(numCarries()); }
    ::mlir::ResultRange finalCarries() { return getOutputs().take_front(numCarries()); }
    ::mlir::ResultRange stackedOutputs() { return getOutputs().drop_front(numCarries()); }
  }];
  let hasVerifier = 1;
}

def Weir_WhileOp : Weir_Op<"while", "Control", ByHand, [RecursiveMemoryEffects]> {
  let summary = "while condition(carries): carries = body(carries)";
  let description = [{
    Results are the final carries. Both regions take the carries and may use outer values; the condition yields an i1
    scalar. `snapshots` is how many states reverse mode may keep at a time: its memory does not grow with the number
    of iterations (see sweep).
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inits, I64Attr:$snapshots);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$condition, SizedRegion<1>:$body);
  let assemblyFormat = [{`inits` `(` $inits `)` `snapshots` `=` $snapshots attr-dict `:` functional-type(operands, results)
                         $condition `do` $body}];
  let hasVerifier = 1;
}

def Weir_SweepOp : Weir_Op<"sweep", "Control", ByHand, [RecursiveMemoryEffects, AttrSizedOperandSegments]> {
  let summary = "a loop of `trips` steps forwards, then back over the same states: the derivative of while";
  let description = [{
    s_(i+1) = forward(s_i) from forward_inits for i = 0 .. trips-1; then r_i = reverse(s_i, r_(i+1)) from reverse_inits
    for i = trips-1 .. 0. Results are s_trips and r_0. It says what is to be computed, not which states are kept and
    which computed again; JVP and transposition map sweeps to sweeps. passes/control_flow turns them into while loops
    with `snapshots` states in memory.
  }];
  let arguments = (ins AnyRankedTensor:$trips, Variadic<AnyRankedTensor>:$forward_inits,
                       Variadic<AnyRankedTensor>:$reverse_inits, I64Attr:$snapshots);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$forward, SizedRegion<1>:$reverse);
  let assemblyFormat = [{$trips `forward` `(` $forward_inits `)` `reverse` `(` $reverse_inits `)` `snapshots` `=` $snapshots
                         attr-dict `:` functional-type(operands, results) $forward `then` $reverse}];
  let extraClassDeclaration = [{
    unsigned numForward() { return getForwardInits().size(); }
    ::mlir::ResultRange forwardFinals() { return getOutputs().take_front(numForward()); }
    ::mlir::ResultRange reverseFinals() { return getOutputs().drop_front(numForward()); }
  }];
  let hasVerifier = 1;
}

class Weir_CallLikeOp<string mnemonic, string family, list<Trait> traits = []>
    : Weir_Op<mnemonic, family, ByHand, !listconcat([Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)>;

def Weir_CallOp : Weir_CallLikeOp<"call", "Control"> {
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, results)";
}

// ---- Autodiff requests; `wrt` lists argument indices of the callee, ascending, all floating-point ----
def Weir_JvpOp : Weir_CallLikeOp<"jvp", "Autodiff"> {
  let summary = "results of the callee, then a tangent for each floating-point result";
  let description = "Inputs: the callee's arguments, then one tangent for each entry of `wrt`.";
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs, DenseI64ArrayAttr:$wrt);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$callee `(` $inputs `)` `wrt` `=` $wrt attr-dict `:` functional-type($inputs, results)";
}
def Weir_VjpOp : Weir_CallLikeOp<"vjp", "Autodiff"> {
  let summary = "results of the callee, then a cotangent for each entry of `wrt`";
  let description = "Inputs: the callee's arguments, then one cotangent for each floating-point result.";
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs, DenseI64ArrayAttr:$wrt);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$callee `(` $inputs `)` `wrt` `=` $wrt attr-dict `:` functional-type($inputs, results)";
}

def Weir_VmapOp : Weir_CallLikeOp<"vmap", "Autodiff"> {
  let summary = "the callee for every slice of the inputs along their batch dims, results stacked";
  let description = [{
    in_dims[i] is the dim of input i that runs over the batch, -1 where every slice takes the whole input; out_dims[i] is
    the dim of result i that does, -1 where the result must not depend on the slice.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs, DenseI64ArrayAttr:$in_dims,
                       DenseI64ArrayAttr:$out_dims);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = [{$callee `(` $inputs `)` `in` `=` $in_dims `out` `=` $out_dims
                         attr-dict `:` functional-type($inputs, results)}];
  let extraClassDeclaration = [{
    /// Slices in the batch; -1 when no input has a batch dim.
    int64_t batchSize();
  }];
}

// ---- Functions with derivatives of the user's own ----
def Weir_CustomJvpOp : Weir_CallLikeOp<"custom_jvp", "Autodiff"> {
  let summary = "a call whose JVP is a call of `rule`: (x, tangents of float x) -> (y, tangents of float y)";
  let arguments = (ins FlatSymbolRefAttr:$callee, FlatSymbolRefAttr:$rule, Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$callee `rule` `=` $rule `(` $inputs `)` attr-dict `:` functional-type($inputs, results)";
}
def Weir_CustomVjpOp : Weir_CallLikeOp<"custom_vjp", "Autodiff"> {
  let summary = "a call whose VJP is forward: x -> (y, residuals), then backward: (residuals, cotangents of float y) -> cotangents of float x";
  let arguments = (ins FlatSymbolRefAttr:$callee, FlatSymbolRefAttr:$forward, FlatSymbolRefAttr:$backward,
                       Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = [{$callee `forward` `=` $forward `backward` `=` $backward `(` $inputs `)`
                         attr-dict `:` functional-type($inputs, results)}];
}
def Weir_CustomLinearOp : Weir_CallLikeOp<"custom_linear", "Autodiff", [AttrSizedOperandSegments]> {
  let summary = "the tangents of a custom_vjp, which nothing computes: its transpose is a call of backward";
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$residuals,
                       Variadic<AnyRankedTensor>:$tangents);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = [{$callee `residuals` `(` $residuals `)` `tangents` `(` $tangents `)`
                         attr-dict `:` functional-type(operands, results)}];
}

// ---- Kernels level ----
def Weir_LaunchOp : Weir_CallLikeOp<"launch", "Kernel"> {
  let summary = "runs a kernel: a private function with the attribute weir.kernel";
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, results)";
}

#endif
