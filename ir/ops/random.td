// Counter-based random numbers: the same key gives the same bits on every device and in every order. A device that
// computes some of them only says by `positions` which; nobody else does.
#ifndef WEIR_OPS_RANDOM
#define WEIR_OPS_RANDOM

include "ir/ops/base.td"

def Weir_RandomBitsOp : Weir_SpaceOp<"random_bits", "Random", Zero, I32Only, 0,
    "::mlir::IntegerType::get(op.getKey().getContext(), 32)"> {
  let summary = "Philox4x32-10 (Salmon et al. 2011): element i is word i%4 of counter i/4 under `key`";
  let description = [{ With `positions` (of the result's shape, i32 or i64) i is the unsigned number that it says, not where the element is. }];
  let arguments = (ins AnyRankedTensor:$key, Optional<AnyRankedTensor>:$positions, DenseI64ArrayAttr:$shape);
  let builders = [OpBuilder<(ins "::mlir::Value":$key, "::llvm::ArrayRef<int64_t>":$shape),
                            [{ build($_builder, $_state, key, ::mlir::Value(), shape); }]>];
  let assemblyFormat = [{$key (`at` $positions^)? `shape` `=` $shape attr-dict `:`
                         functional-type(operands, results)}];
}

#endif
