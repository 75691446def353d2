// Contractions: result dims are batch, lhs free, rhs free.
#ifndef WEIR_OPS_CONTRACTION
#define WEIR_OPS_CONTRACTION

include "ir/ops/base.td"

def Weir_DotOp : Weir_SpaceOp<"dot", "Contraction", Multilinear<[0, 1]>, Numeric, 2, operandElement> {
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs,
                       DenseI64ArrayAttr:$lhs_batch, DenseI64ArrayAttr:$rhs_batch,
                       DenseI64ArrayAttr:$lhs_contract, DenseI64ArrayAttr:$rhs_contract);
  let assemblyFormat = [{$lhs `,` $rhs `batch` `=` $lhs_batch `x` $rhs_batch
                         `contract` `=` $lhs_contract `x` $rhs_contract
                         attr-dict `:` functional-type(operands, results)}];
  let extraClassDeclaration = spaceDeclaration # [{
    /// Dims of lhs (rhs) that are neither batch nor contracted, ascending.
    ::llvm::SmallVector<int64_t> lhsFree();
    ::llvm::SmallVector<int64_t> rhsFree();
  }];
}

#endif
