// passes/fuse has brought the dot to matrices, so that only sides and sizes are left to say.
#include "codegen/artifact/library_dots.h"

#include "ir/dialect/library.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {

std::optional<runtime::MatrixProduct> libraryProduct(func::FuncOp kernel) {
  auto dot = dyn_cast<ir::DotOp>(kernel.getBody().front().front());
  if (!dot || !dot->hasAttr(ir::kLibraryAttr)) return std::nullopt;
  auto lhs = cast<RankedTensorType>(dot.getLhs().getType()),
       rhs = cast<RankedTensorType>(dot.getRhs().getType());
  const int64_t lhsDepth = dot.getLhsContract().front(), rhsDepth = dot.getRhsContract().front();
  runtime::MatrixProduct product;
  product.dtype = *ir::dtypeOf(lhs);
  product.batch = dot.getLhsBatch().empty() ? 1 : lhs.getDimSize(0);
  product.rows = lhs.getDimSize(dot.lhsFree().front());
  product.columns = rhs.getDimSize(dot.rhsFree().front());
  product.depth = lhs.getDimSize(lhsDepth);
  product.isLhsTransposed = lhsDepth < dot.lhsFree().front();
  product.isRhsTransposed = dot.rhsFree().front() < rhsDepth;
  product.isTf32 = dot->hasAttr(ir::kTf32Attr);
  return product;
}

} // namespace weir::codegen
