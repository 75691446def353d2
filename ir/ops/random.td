// Counter-based random numbers: the same key gives the same bits on every device and in every order.
#ifndef WEIR_OPS_RANDOM
#define WEIR_OPS_RANDOM

include "ir/ops/base.td"

def Weir_RandomBitsOp : Weir_SpaceOp<"random_bits", "Random", Zero, I32Only, 0,
    "::mlir::IntegerType::get(op.getKey().getContext(), 32)"> {
  let summary = "Philox4x32-10 (Salmon et al. 2011): element i is word i%4 of counter i/4 under `key`";
  let arguments = (ins AnyRankedTensor:$key, DenseI64ArrayAttr:$shape);
  let assemblyFormat = "$key `shape` `=` $shape attr-dict `:` functional-type(operands, results)";
}

#endif
