// The table of op classes and costs.
#include "passes/fuse/op_class.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/library.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weir::passes {
namespace {

OpClass reductionClass(Operation *op, ArrayRef<int64_t> dims) {
  int64_t rank = shapeOf(op->getOperand(0)).size(), reduced = dims.size();
  return dims.empty() || dims.front() == rank - reduced ? OpClass::RowReduce
                                                        : OpClass::ColumnReduce;
}

} // namespace

OpClass classOf(Operation *op) {
  if (op->hasTrait<OpTrait::Elementwise>()) return OpClass::Elementwise;
  if (isa_and_present<ir::spmd::SpmdDialect>(op->getDialect())) return OpClass::Control;
  return llvm::TypeSwitch<Operation *, OpClass>(op)
      .Case([](ir::ConstantOp c) {
        auto dense = dyn_cast<DenseElementsAttr>(c.getValue());
        return dense && dense.isSplat() ? OpClass::Splat : OpClass::Constant;
      })
      .Case([](ir::UndefOp) { return OpClass::Constant; })
      .Case([](ir::ReshapeOp) { return OpClass::View; })
      .Case<ir::BroadcastOp, ir::TransposeOp, ir::SliceOp, ir::PadOp, ir::ConcatenateOp,
            ir::ReverseOp, ir::UnfoldOp, ir::IotaOp, ir::GatherOp, ir::DynamicSliceOp,
            ir::RandomBitsOp>([](auto) { return OpClass::Layout; })
      .Case<ir::ReduceSumOp, ir::ReduceMaxOp, ir::ReduceMinOp, ir::ReduceProdOp, ir::ReduceAndOp,
            ir::ReduceOrOp>([](auto reduce) { return reductionClass(reduce, reduce.getDims()); })
      .Case([](ir::FoldOp) { return OpClass::ColumnReduce; })
      .Case([](ir::DotOp dot) {
        return dot->hasAttr(ir::kLibraryAttr) ? OpClass::Own : OpClass::Dot;
      })
      .Case<ir::IfOp, ir::ScanOp, ir::WhileOp, ir::LaunchOp>([](auto) { return OpClass::Control; })
      .Default([](Operation *) { return OpClass::Own; });
}

int costOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, int>(op)
      .Case<ir::DivOp, ir::SqrtOp, ir::RsqrtOp, ir::RemOp>([](auto) { return 4; })
      .Case<ir::ExpOp, ir::Expm1Op, ir::LogOp, ir::Log1pOp, ir::SinOp, ir::CosOp, ir::LogisticOp>(
          [](auto) { return 10; })
      .Case<ir::TanhOp, ir::ErfOp, ir::TanOp, ir::CbrtOp, ir::RandomBitsOp>([](auto) { return 16; })
      .Case<ir::PowOp, ir::Atan2Op>([](auto) { return 24; })
      .Case<ir::ErfcOp, ir::ErfInvOp, ir::LgammaOp, ir::DigammaOp>([](auto) { return 60; })
      .Case([](ir::ZetaOp) { return 600; })
      .Case<ir::ReshapeOp, ir::ConstantOp>([](auto) { return 0; })
      .Default([](Operation *) { return 1; });
}

bool isStrided(Operation *op) {
  auto unfold = dyn_cast_if_present<ir::UnfoldOp>(op);
  if (!unfold) return false;
  ArrayRef<int64_t> shape = shapeOf(unfold.getResult());
  int64_t rank = shapeOf(unfold.getOperand()).size();
  for (auto [i, d] : llvm::enumerate(unfold.getDims())) {
    int64_t last = (shape[d] - 1) * unfold.getStrides()[i] +
                   (shape[rank + i] - 1) * unfold.getDilations()[i] - unfold.getLow()[i];
    if (unfold.getLow()[i] > 0 || last >= shapeOf(unfold.getOperand())[d]) return false;
  }
  return true;
}

bool needsMemory(OpOperand &operand) {
  Operation *op = operand.getOwner();
  switch (classOf(op)) {
  case OpClass::Dot:
    return operand.getOperandNumber() != 0 || !isStrided(operand.get().getDefiningOp());
  case OpClass::Own:
  case OpClass::Control:
    return true;
  case OpClass::Layout:
    return operand.getOperandNumber() == 0 &&
           isa<ir::GatherOp, ir::DynamicSliceOp, ir::RandomBitsOp>(op);
  default:
    return false;
  }
}

int64_t reductionPoints(Operation *op) {
  auto fold = dyn_cast<ir::FoldOp>(op);
  if (!fold) return countOf(op->getOperand(0));
  int64_t points = countOf(op->getResult(0));
  for (int64_t size : shapeOf(fold.getOperand()).drop_front(shapeOf(fold.getResult()).size()))
    points *= size;
  return points;
}

int64_t elementBytes(Type type) {
  return (getElementTypeOrSelf(type).getIntOrFloatBitWidth() + 7) / 8;
}

} // namespace weir::passes
