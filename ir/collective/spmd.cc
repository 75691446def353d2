// Registration, and how the types of operand and result go together.
#include "ir/collective/spmd.h"

#include "ir/interfaces/iteration_space.h"
#include "ir/ops/support.h"
#include "mlir/IR/DialectImplementation.h"

#include "ir/collective/spmd_dialect.cc.inc"

#define GET_OP_CLASSES
#include "ir/collective/spmd_ops.cc.inc"

using namespace mlir;

namespace weir::ir::spmd {

void SpmdDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ir/collective/spmd_ops.cc.inc"
      >();
}

static InFlightDiagnostic error(Operation *op) {
  return opError(op->getLoc(), op->getName().getStringRef());
}

static LogicalResult checkGroup(Operation *op, ArrayAttr axes, int64_t parts) {
  if (axes.empty()) return error(op) << "names no mesh axis";
  if (parts < 1) return error(op) << "groups have " << parts << " devices";
  return success();
}

static LogicalResult checkCombiner(Operation *op, StringRef combiner) {
  if (llvm::is_contained({"sum", "max", "min", "prod"}, combiner)) return success();
  return error(op) << "combiner is " << combiner << ", but must be sum, max, min or prod";
}

namespace {
/// Dim `dim` is `times` as long in the result, or the operand's that much longer.
struct Change {
  int64_t dim;
  int64_t times;
  bool isLonger;
};
} // namespace

/// Of one device, the result is the operand with `changes`; of whole values it is of one type.
static LogicalResult checkShapes(Operation *op, bool local, ArrayRef<Change> changes) {
  auto from = dyn_cast<RankedTensorType>(op->getOperand(0).getType()),
       to = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!from.hasStaticShape()) return error(op) << "operand has no static shape";
  SmallVector<int64_t> shape(from.getShape());
  for (auto [dim, times, isLonger] : changes) {
    if (dim < 0 || dim >= from.getRank())
      return error(op) << "dim " << dim << " of a tensor of rank " << from.getRank();
    if (!local) continue;
    if (!isLonger && shape[dim] % times)
      return error(op) << "dim " << dim << " is " << shape[dim] << ", which " << times
                       << " devices cannot share";
    shape[dim] = isLonger ? shape[dim] * times : shape[dim] / times;
  }
  if (to == from.clone(shape)) return success();
  return error(op) << "result is " << typeString(to) << ", but must be "
                   << typeString(from.clone(shape));
}

LogicalResult AllGatherOp::verify() {
  return failure(failed(checkGroup(*this, getAxes(), getParts())) ||
                 failed(checkShapes(*this, getLocal(),
                                    Change{static_cast<int64_t>(getDim()),
                                           static_cast<int64_t>(getParts()), true})));
}

LogicalResult AllReduceOp::verify() {
  return failure(failed(checkGroup(*this, getAxes(), getParts())) ||
                 failed(checkCombiner(*this, getCombiner())));
}

LogicalResult ReduceScatterOp::verify() {
  return failure(failed(checkGroup(*this, getAxes(), getParts())) ||
                 failed(checkCombiner(*this, getCombiner())) ||
                 failed(checkShapes(*this, getLocal(),
                                    Change{static_cast<int64_t>(getDim()),
                                           static_cast<int64_t>(getParts()), false})));
}

LogicalResult AllToAllOp::verify() {
  int64_t parts = getParts(), split = getSplitDim(), concat = getConcatDim();
  if (split == concat) return error(*this) << "dim " << split << " is split and concatenated";
  return failure(failed(checkGroup(*this, getAxes(), parts)) ||
                 failed(checkShapes(*this, getLocal(),
                                    {Change{split, parts, false}, Change{concat, parts, true}})));
}

LogicalResult PermuteOp::verify() {
  ArrayRef<int64_t> sources = getSources();
  return checkDims(sources, sources.size(), "sources", [&] { return error(*this); });
}

LogicalResult SplitOp::verify() {
  return failure(failed(checkGroup(*this, getAxes(), getParts())) ||
                 failed(checkShapes(*this, getLocal(),
                                    Change{static_cast<int64_t>(getDim()),
                                           static_cast<int64_t>(getParts()), false})));
}

LogicalResult AsPartialOp::verify() {
  return checkGroup(*this, getAxes(), getParts());
}

LogicalResult AxisIndexOp::verify() {
  if (getResult().getType() != RankedTensorType::get({}, IntegerType::get(getContext(), 32)))
    return error(*this) << "result is " << typeString(getResult().getType())
                        << ", but must be i32[]";
  return checkGroup(*this, getAxes(), getParts());
}

} // namespace weir::ir::spmd
