// The spmd dialect: what a user says about shardings, and the collectives of a program that runs once on every device
// of a mesh. README.md says how one op lives at two levels.
#ifndef WEIR_SPMD
#define WEIR_SPMD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Spmd_Dialect : Dialect {
  let name = "spmd";
  let cppNamespace = "::weir::ir::spmd";
  let summary = "shardings over a mesh of devices, and collectives";
}

class Spmd_Op<string mnemonic, list<Trait> traits = []> : Op<Spmd_Dialect, mnemonic, !listconcat([Pure], traits)>;

def Spmd_ShardOp : Spmd_Op<"shard", [AllTypesMatch<["operand", "result"]>]> {
  let summary = "the operand, of which the user says how it is to be sharded";
  let arguments = (ins AnyRankedTensor:$operand, StrAttr:$sharding);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$operand `to` $sharding attr-dict `:` type($operand)";
}

// `axes` are the mesh axes of a group, `parts` the devices of one. Where it says `local`, types are those of one
// device; else they are of whole values, operand and result have one, and the op is the identity.
class Spmd_Collective<string mnemonic, list<Trait> traits = []> : Spmd_Op<mnemonic, traits> {
  let results = (outs AnyRankedTensor:$result);
  let hasVerifier = 1;
}

def Spmd_AllGatherOp : Spmd_Collective<"all_gather"> {
  let summary = "pieces of `dim` from all devices of a group, in order";
  let arguments = (ins AnyRankedTensor:$operand, I64Attr:$dim, StrArrayAttr:$axes, I64Attr:$parts, UnitAttr:$local);
  let assemblyFormat = [{(`local` $local^)? $operand `dim` `=` $dim `over` $axes `parts` `=` $parts
                         attr-dict `:` functional-type(operands, results)}];
}

def Spmd_AllReduceOp : Spmd_Collective<"all_reduce", [AllTypesMatch<["operand", "result"]>]> {
  let summary = "partial values of a group combined, on all of its devices; combiner: sum, max, min or prod";
  let arguments = (ins AnyRankedTensor:$operand, StrAttr:$combiner, StrArrayAttr:$axes, I64Attr:$parts,
                       UnitAttr:$local);
  let assemblyFormat = [{(`local` $local^)? $operand `by` $combiner `over` $axes `parts` `=` $parts
                         attr-dict `:` type($operand)}];
}

def Spmd_ReduceScatterOp : Spmd_Collective<"reduce_scatter"> {
  let summary = "partial values of a group combined; each device keeps its piece of `dim`";
  let arguments = (ins AnyRankedTensor:$operand, StrAttr:$combiner, I64Attr:$dim, StrArrayAttr:$axes, I64Attr:$parts,
                       UnitAttr:$local);
  let assemblyFormat = [{(`local` $local^)? $operand `by` $combiner `dim` `=` $dim `over` $axes `parts` `=` $parts
                         attr-dict `:` functional-type(operands, results)}];
}

def Spmd_AllToAllOp : Spmd_Collective<"all_to_all"> {
  let summary = "pieces of `split_dim` go out, pieces of `concat_dim` come in, in order of devices";
  let arguments = (ins AnyRankedTensor:$operand, I64Attr:$split_dim, I64Attr:$concat_dim, StrArrayAttr:$axes,
                       I64Attr:$parts, UnitAttr:$local);
  let assemblyFormat = [{(`local` $local^)? $operand `split` `=` $split_dim `concat` `=` $concat_dim `over` $axes
                         `parts` `=` $parts attr-dict `:` functional-type(operands, results)}];
}

def Spmd_PermuteOp : Spmd_Collective<"permute", [AllTypesMatch<["operand", "result"]>]> {
  let summary = "device d gets the value of device sources[d]; a permutation of the whole mesh";
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$sources, UnitAttr:$local);
  let assemblyFormat = "(`local` $local^)? $operand `from` $sources attr-dict `:` type($operand)";
}

def Spmd_SplitOp : Spmd_Collective<"split"> {
  let summary = "each device of a group keeps its piece of `dim` of a value that all of them have; nothing moves";
  let arguments = (ins AnyRankedTensor:$operand, I64Attr:$dim, StrArrayAttr:$axes, I64Attr:$parts, UnitAttr:$local);
  let assemblyFormat = [{(`local` $local^)? $operand `dim` `=` $dim `over` $axes `parts` `=` $parts
                         attr-dict `:` functional-type(operands, results)}];
}

def Spmd_AsPartialOp : Spmd_Collective<"as_partial", [AllTypesMatch<["operand", "result"]>]> {
  let summary = "a value that all devices of a group have, as a partial sum: the first keeps it, the others have zeros";
  let arguments = (ins AnyRankedTensor:$operand, StrArrayAttr:$axes, I64Attr:$parts, UnitAttr:$local);
  let assemblyFormat = "(`local` $local^)? $operand `over` $axes `parts` `=` $parts attr-dict `:` type($operand)";
}

def Spmd_AxisIndexOp : Spmd_Op<"axis_index"> {
  let summary = "position of this device in its group over `axes`, major first: an i32 scalar";
  let arguments = (ins StrArrayAttr:$axes, I64Attr:$parts);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "`over` $axes `parts` `=` $parts attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif
