// Picks the lowering of a kernel by the op that decides it, so that kernels of kind `op` need no
// list of their own.
#include "codegen/lower/lower.h"

#include "codegen/lower/kinds.h"
#include "codegen/lower/reduce_tree.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {

static bool hasElements(func::FuncOp kernel) {
  return llvm::any_of(kernel.getResultTypes(),
                      [](Type type) { return cast<RankedTensorType>(type).getNumElements() > 0; });
}

/// Whether the reduced dims are the last ones; so are all dims, and dims of size 1 do not count.
/// A fold's windows run as leading dims do.
static bool reducesTrailing(Operation *reduction) {
  if (isa<ir::FoldOp>(reduction)) return false;
  auto dims = reduction->getAttrOfType<DenseI64ArrayAttr>("dims").asArrayRef();
  auto shape = cast<RankedTensorType>(reduction->getOperand(0).getType()).getShape();
  bool inside = true;
  for (int64_t dim = shape.size(); dim-- > 0;) {
    if (shape[dim] == 1) continue;
    bool reduced = llvm::is_contained(dims, dim);
    if (reduced && !inside) return false;
    inside = reduced;
  }
  return true;
}

LogicalResult lowerBody(Frame &frame) {
  for (Operation &op : frame.source.getBody().front()) {
    if (isa<ir::WhileOp, ir::ScanOp>(op)) return lowerControlKernel(frame);
    if (isa<ir::DotOp>(op)) return lowerDotKernel(frame);
    if (isa<ir::ScatterAddOp, ir::ScatterMulOp, ir::ScatterMaxOp, ir::ScatterMinOp,
            ir::ScatterSetOp>(op))
      return lowerScatterKernel(frame);
    if (isa<ir::ArgmaxOp, ir::ArgminOp>(op)) return lowerArgKernel(frame);
    if (isa<ir::SortOp>(op)) return lowerSortKernel(frame);
    if (isa<ir::CumulativeSumOp, ir::CumulativeProdOp, ir::CumulativeMaxOp, ir::CumulativeMinOp,
            ir::CumulativeLogsumexpOp, ir::LinearRecurrenceOp>(op))
      return lowerCumulativeKernel(frame);
    if (isReduction(&op))
      return reducesTrailing(&op) ? lowerRowKernel(frame) : lowerColumnKernel(frame);
  }
  return lowerLoopKernel(frame);
}

FailureOr<LoweredKernel> lowerKernel(func::FuncOp kernel, OpBuilder &into,
                                     const TargetInfo &target) {
  Frame frame(kernel, into, target);
  LogicalResult lowered = success();
  if (hasElements(kernel))
    lowered = lowerBody(frame);
  else
    frame.tasks = 0;
  if (failed(lowered)) {
    frame.function.erase();
    return failure();
  }
  frame.finish();
  return LoweredKernel{frame.function, frame.tasks, frame.scratchBytes};
}

} // namespace weir::codegen
