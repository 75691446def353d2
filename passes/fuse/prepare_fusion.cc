// Small rewrites that let clustering look at one block at a time.
#include "passes/fuse/prepare_fusion.h"

#include "passes/fuse/op_class.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int64_t kMaxSplatBytes =
    256; ///< larger ones are filled by a kernel instead of stored in the artifact

void dissolveBarriers(func::FuncOp func) {
  func.walk([](ir::BarrierOp barrier) {
    barrier.replaceAllUsesWith(barrier.getInputs());
    barrier.erase();
  });
}

/// Cheaper to compute again than to keep in memory for a region.
bool isSinkable(Operation *op) {
  if (classOf(op) == OpClass::Splat || isa<ir::IotaOp>(op)) return true;
  return isa<ir::BroadcastOp>(op) && 4 * countOf(op->getOperand(0)) <= countOf(op->getResult(0));
}

/// Copies sinkable producers of values used in `region` to its start, with what they read.
void sinkInto(Region &region) {
  Block &block = region.front();
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  llvm::DenseMap<Operation *, Operation *> copies;
  auto sink = [&](auto &self, OpOperand &use) -> void {
    Operation *op = use.get().getDefiningOp();
    if (!op || region.isAncestor(op->getParentRegion()) || !isSinkable(op)) return;
    Operation *&copy = copies[op];
    if (!copy) {
      copy = b.clone(*op);
      for (OpOperand &operand : copy->getOpOperands()) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(copy);
        self(self, operand);
      }
    }
    use.set(copies[op]->getResult(0));
  };
  region.walk([&](Operation *op) {
    for (OpOperand &use : op->getOpOperands()) sink(sink, use);
  });
}

bool mustLieInMemory(OpOperand &use) {
  Operation *op = use.getOwner();
  return op->hasTrait<OpTrait::IsTerminator>() || classOf(op) == OpClass::Control ||
         isa<ir::DotOp>(op);
}

/// Memory to be filled with equal elements is a broadcast for those who need it there.
void fillLargeSplats(func::FuncOp func) {
  SmallVector<ir::ConstantOp> splats;
  func.walk([&](ir::ConstantOp op) {
    if (classOf(op) == OpClass::Splat && bytesOf(op.getResult()) > kMaxSplatBytes)
      splats.push_back(op);
  });
  for (ir::ConstantOp op : splats) {
    Value filled;
    for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
      if (!mustLieInMemory(use)) continue;
      if (!filled) {
        OpBuilder b(op);
        auto dense = cast<DenseElementsAttr>(op.getValue());
        auto scalar = DenseElementsAttr::get(RankedTensorType::get({}, dense.getElementType()),
                                             dense.getSplatValue<Attribute>());
        Value one = ir::ConstantOp::create(b, op.getLoc(), scalar);
        filled = ir::BroadcastOp::create(b, op.getLoc(), one, shapeOf(op.getResult()),
                                         ArrayRef<int64_t>{});
      }
      use.set(filled);
    }
  }
}

/// Kernels may read undefined values (and discard what they read); zeros stand for them there.
void defineUndef(func::FuncOp func) {
  func.walk([](ir::UndefOp op) {
    if (llvm::all_of(op->getUses(), mustLieInMemory)) return;
    auto type = cast<RankedTensorType>(op.getType());
    OpBuilder b(op);
    Value zero = ir::ConstantOp::create(
        b, op.getLoc(), DenseElementsAttr::get(type, b.getZeroAttr(type.getElementType())));
    op.getResult().replaceUsesWithIf(zero, [](OpOperand &use) { return !mustLieInMemory(use); });
  });
}

} // namespace

void prepareFusion(func::FuncOp func) {
  dissolveBarriers(func);
  defineUndef(func);
  SmallVector<Region *> regions;
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (classOf(op) == OpClass::Control)
      for (Region &region : op->getRegions()) regions.push_back(&region);
  });
  for (Region *region : regions) sinkInto(*region);
  fillLargeSplats(func);
}

} // namespace weir::passes
