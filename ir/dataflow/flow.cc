// Registration, and the rule that makes a graph meaningful: every value belongs to one frame, and
// an op takes values of one frame only.
#include "ir/dataflow/flow.h"

#include "ir/interfaces/iteration_space.h"
#include "ir/ops/support.h"
#include "mlir/IR/DialectImplementation.h"

#include "ir/dataflow/flow_dialect.cc.inc"

#define GET_OP_CLASSES
#include "ir/dataflow/flow_ops.cc.inc"

using namespace mlir;

namespace weir::ir::flow {

void FlowDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ir/dataflow/flow_ops.cc.inc"
      >();
}

LogicalResult MergeOp::verify() {
  if (getInputs().empty()) return opError(getLoc(), getOperationName()) << "there is no input";
  for (Type type : getInputs().getTypes())
    if (type != getResult().getType())
      return opError(getLoc(), getOperationName())
             << "input is " << typeString(type) << ", but the result is "
             << typeString(getResult().getType());
  return success();
}

namespace {

/// Finds the frame of each op of a graph by following the values from the outermost one.
class Frames {
public:
  explicit Frames(Block &block)
      : block(block), outermost(StringAttr::get(block.getParentOp()->getContext(), "")) {}

  LogicalResult check() {
    for (Operation &op : block) {
      if (op.getNumRegions()) return error(&op) << "an op with regions is not a dataflow op";
      auto isOutside = [&](Value v) { return v.getParentBlock() != &block; };
      if ((op.getNumOperands() == 0 || llvm::any_of(op.getOperands(), isOutside)) &&
          failed(place(&op, outermost)))
        return failure();
    }
    while (!reached.empty())
      if (failed(follow(reached.pop_back_val()))) return failure();
    for (Operation &op : block)
      if (!frames.contains(&op)) return error(&op) << "no token can come to it";
    if (frames.lookup(block.getTerminator()) != outermost)
      return error(block.getTerminator()) << "is in frame " << frames.lookup(block.getTerminator());
    return success();
  }

private:
  InFlightDiagnostic error(Operation *op) {
    return opError(op->getLoc(), op->getName().getStringRef());
  }

  LogicalResult place(Operation *op, StringAttr frame) {
    auto [known, isNew] = frames.try_emplace(op, frame);
    if (isNew) reached.push_back(op);
    if (known->second == frame) return success();
    return error(op) << "takes values of two frames, " << known->second << " and " << frame;
  }

  LogicalResult follow(Operation *op) {
    StringAttr frame = frames.lookup(op);
    if (auto enter = dyn_cast<EnterOp>(op)) {
      auto [known, isNew] = around.try_emplace(enter.getFrameAttr(), frame);
      if (known->second != frame || enter.getFrameAttr() == frame)
        return error(op) << "frame " << enter.getFrameAttr() << " is entered from two frames, "
                         << known->second << " and " << frame;
      frame = enter.getFrameAttr();
    } else if (isa<ExitOp, NextIterationOp>(op)) {
      if (frame == outermost) return error(op) << "is in no frame";
      if (isa<ExitOp>(op)) frame = around.lookup(frame);
    }
    for (Operation *user : op->getUsers())
      if (failed(place(user, frame))) return failure();
    return success();
  }

  Block &block;
  StringAttr outermost;
  llvm::DenseMap<Operation *, StringAttr> frames;
  llvm::DenseMap<StringAttr, StringAttr> around; // a frame, the frame that it is entered from
  SmallVector<Operation *> reached;
};

} // namespace

LogicalResult GraphOp::verifyRegions() {
  Block &block = getBody().front();
  auto output = dyn_cast<OutputOp>(block.getTerminator());
  if (!output || block.getNumArguments())
    return opError(getLoc(), getOperationName())
           << "the region must have no arguments and end with flow.output";
  if (output.getValues().getTypes() != getResultTypes())
    return opError(output.getLoc(), getOperationName())
           << "the values of flow.output have other types than the results";
  return Frames(block).check();
}

} // namespace weir::ir::flow
