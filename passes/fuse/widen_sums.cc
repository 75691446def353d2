// weir-widen-sums: ops that add up f16 or bf16 in memory, or in kernels that know nothing of them,
// become the same ops on f32 between two converts, which fuse with what is around.
#include "passes/fuse/widen_sums.h"

#include "ir/dialect/library.h"
#include "ir/dialect/weir.h"
#include "passes/fuse/fuse.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace weir::passes {

bool isNarrowFloat(Value v) {
  Type element = getElementTypeOrSelf(v.getType());
  return isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
}

Value widened(OpBuilder &b, Location loc, Value v) {
  return isNarrowFloat(v) ? Value(ir::ConvertOp::create(b, loc, v, b.getF32Type())) : v;
}

Value narrowed(OpBuilder &b, Location loc, Value v, Type like) {
  Type element = getElementTypeOrSelf(like);
  if (getElementTypeOrSelf(v.getType()) == element) return v;
  return ir::ConvertOp::create(b, loc, v, element);
}

namespace {

bool addsUp(Operation *op) {
  return isa<ir::ScatterAddOp, ir::ScatterMulOp, ir::ConvolutionOp, ir::FoldOp, ir::CumulativeSumOp,
             ir::CumulativeProdOp, ir::CumulativeLogsumexpOp, ir::LinearRecurrenceOp>(op);
}

void widen(Operation *op) {
  OpBuilder b(op);
  Type type = op->getResult(0).getType();
  IRMapping wide;
  for (Value operand : op->getOperands()) wide.map(operand, widened(b, op->getLoc(), operand));
  Operation *sum = b.clone(*op, wide);
  sum->getResult(0).setType(cast<RankedTensorType>(type).clone(b.getF32Type()));
  op->getResult(0).replaceAllUsesWith(narrowed(b, op->getLoc(), sum->getResult(0), type));
  op->erase();
}

struct WidenSums : PassWrapper<WidenSums, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WidenSums)
  StringRef getArgument() const final { return "weir-widen-sums"; }
  StringRef getDescription() const final { return "add up f16 and bf16 in f32"; }

  void runOnOperation() override {
    SmallVector<Operation *> sums;
    getOperation().walk([&](Operation *op) {
      if (addsUp(op) && !op->hasAttr(ir::kLibraryAttr) && isNarrowFloat(op->getResult(0)))
        sums.push_back(op);
    });
    llvm::for_each(sums, widen);
  }
};

} // namespace

std::unique_ptr<Pass> createWidenSumsPass() {
  return std::make_unique<WidenSums>();
}

} // namespace weir::passes
