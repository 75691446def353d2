// Contractions. dot: result dims are batch, lhs free, rhs free. convolution: one fixed layout with the group as a dim,
// closed under transposition.
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

def Weir_ConvolutionOp : Weir_SpaceOp<"convolution", "Contraction", Multilinear<[0, 1]>, Numeric, 2, operandElement> {
  let summary = "[N, G, C, spatial...] with [G, O, C, window...] -> [N, G, O, spatial...]";
  let description = [{
    result[n,g,o,x] = sum over c, k of L[n,g,c, x * stride + k * rhs_dilation - low] * rhs[g,o,c,k], where L is lhs with
    lhs_dilation - 1 zeros between neighbours, and zero outside. 0 to 3 spatial dims, one entry each in every list; low
    and high may be negative. Other layouts and batch groups are transposes and reshapes around it.
  }];
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
                       DenseI64ArrayAttr:$lhs_dilation, DenseI64ArrayAttr:$rhs_dilation);
  let assemblyFormat = [{$lhs `,` $rhs `strides` `=` $strides `low` `=` $low `high` `=` $high
                         `lhs_dilation` `=` $lhs_dilation `rhs_dilation` `=` $rhs_dilation
                         attr-dict `:` functional-type(operands, results)}];
}

#endif
