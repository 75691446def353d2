// Collectives. Of whole values they are the identity; those of one device meet the other devices
// in the hook that the caller gives.
#include "ir/collective/spmd.h"
#include "ir/reference/frame.h"

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;

static LogicalResult meet(mlir::Operation *op, const runtime::HostTensor *operand, Frame &frame) {
  if (!frame.options().collective)
    return op->emitError("is part of the program of one device of a mesh: run it with the others");
  auto result = frame.options().collective(op, operand);
  if (failed(result)) return mlir::failure();
  auto type = mlir::cast<mlir::RankedTensorType>(op->getResult(0).getType());
  std::optional<NdArray> array = fromHost(*result, type, frame.mode());
  if (!array) return op->emitError("the devices made a ") << result->typeStr();
  frame.set(op->getResult(0), std::move(*array));
  return success();
}

static LogicalResult evaluateCollective(mlir::Operation *op, Frame &frame) {
  if (!op->hasAttr("local")) {
    frame.set(op->getResult(0), frame.share(op->getOperand(0)));
    return success();
  }
  runtime::HostTensor operand = toHost(frame.operand(op, 0), frame.mode());
  return meet(op, &operand, frame);
}

void addCollective(Evaluators &evaluators) {
  evaluators.add<spmd::ShardOp>(evaluateCollective);
  evaluators.add<spmd::AllGatherOp>(evaluateCollective);
  evaluators.add<spmd::AllReduceOp>(evaluateCollective);
  evaluators.add<spmd::ReduceScatterOp>(evaluateCollective);
  evaluators.add<spmd::AllToAllOp>(evaluateCollective);
  evaluators.add<spmd::PermuteOp>(evaluateCollective);
  evaluators.add<spmd::SplitOp>(evaluateCollective);
  evaluators.add<spmd::AsPartialOp>(evaluateCollective);
  evaluators.add<spmd::AxisIndexOp>(
      [](mlir::Operation *op, Frame &frame) { return meet(op, nullptr, frame); });
}

} // namespace weir::ir::reference
