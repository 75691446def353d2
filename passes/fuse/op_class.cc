// The table of op classes and costs.
#include "passes/fuse/op_class.h"

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
  return llvm::TypeSwitch<Operation *, OpClass>(op)
      .Case([](ir::ConstantOp c) {
        auto dense = dyn_cast<DenseElementsAttr>(c.getValue());
        return dense && dense.isSplat() ? OpClass::Splat : OpClass::Constant;
      })
      .Case([](ir::UndefOp) { return OpClass::Constant; })
      .Case([](ir::ReshapeOp) { return OpClass::View; })
      .Case<ir::BroadcastOp, ir::TransposeOp, ir::SliceOp, ir::PadOp, ir::ConcatenateOp,
            ir::ReverseOp, ir::IotaOp, ir::GatherOp, ir::DynamicSliceOp, ir::RandomBitsOp>(
          [](auto) { return OpClass::Layout; })
      .Case<ir::ReduceSumOp, ir::ReduceMaxOp, ir::ReduceMinOp, ir::ReduceProdOp, ir::ReduceAndOp,
            ir::ReduceOrOp>([](auto reduce) { return reductionClass(reduce, reduce.getDims()); })
      .Case([](ir::DotOp) { return OpClass::Dot; })
      .Case<ir::IfOp, ir::ScanOp, ir::WhileOp>([](auto) { return OpClass::Control; })
      .Default([](Operation *) { return OpClass::Own; });
}

int costOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, int>(op)
      .Case<ir::DivOp, ir::SqrtOp, ir::RsqrtOp, ir::RemOp>([](auto) { return 4; })
      .Case<ir::ExpOp, ir::Expm1Op, ir::LogOp, ir::Log1pOp, ir::SinOp, ir::CosOp, ir::LogisticOp>(
          [](auto) { return 10; })
      .Case<ir::TanhOp, ir::ErfOp, ir::TanOp, ir::CbrtOp, ir::RandomBitsOp>([](auto) { return 16; })
      .Case<ir::PowOp, ir::Atan2Op>([](auto) { return 24; })
      .Case<ir::ReshapeOp, ir::ConstantOp>([](auto) { return 0; })
      .Default([](Operation *) { return 1; });
}

bool needsMemory(OpOperand &operand) {
  Operation *op = operand.getOwner();
  switch (classOf(op)) {
  case OpClass::Dot:
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

int64_t elementBytes(Type type) {
  return (getElementTypeOrSelf(type).getIntOrFloatBitWidth() + 7) / 8;
}

} // namespace weir::passes
