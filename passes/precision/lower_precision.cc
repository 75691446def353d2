// weir-lower-precision: contractions of f32 in f16 or bf16, everything else as it was. What a
// contraction reads is rounded before it, what it gives is widened after it; converts fuse with
// what is around them, and one that undoes another goes when the graph is simplified.
#include "passes/precision/precision.h"

#include "ir/dialect/compute.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace weir::passes {
namespace {

bool isContraction(Operation *op) {
  return isa<ir::DotOp, ir::ConvolutionOp>(op);
}

void lower(Operation *op, Type compute) {
  OpBuilder b(op);
  Value result = op->getResult(0);
  IRMapping rounded;
  for (Value operand : op->getOperands())
    rounded.map(operand, ir::ConvertOp::create(b, op->getLoc(), operand, compute));
  Operation *narrow = b.clone(*op, rounded);
  narrow->getResult(0).setType(cast<RankedTensorType>(result.getType()).clone(compute));
  result.replaceAllUsesWith(
      ir::ConvertOp::create(b, op->getLoc(), narrow->getResult(0), b.getF32Type()));
  op->erase();
}

struct LowerPrecision : PassWrapper<LowerPrecision, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerPrecision)
  StringRef getArgument() const final { return "weir-lower-precision"; }
  StringRef getDescription() const final {
    return "compute contractions of f32 in the type that the module names";
  }

  void runOnOperation() override {
    auto compute = getOperation()->getAttrOfType<TypeAttr>(ir::kComputeAttr);
    if (!compute) return markAllAnalysesPreserved();
    SmallVector<Operation *> contractions;
    getOperation().walk([&](Operation *op) {
      if (isContraction(op) && getElementTypeOrSelf(op->getResult(0).getType()).isF32())
        contractions.push_back(op);
    });
    for (Operation *op : contractions) lower(op, compute.getValue());
    // A module that is lowered a second time is as it was.
    getOperation()->removeAttr(ir::kComputeAttr);
  }
};

} // namespace

std::unique_ptr<Pass> createLowerPrecisionPass() {
  return std::make_unique<LowerPrecision>();
}

void registerPrecisionPasses() {
  PassRegistration<LowerPrecision>();
}

} // namespace weir::passes
