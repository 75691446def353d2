// The pass that writes the plan down as attributes; README.md lists them.
#include "passes/memory/memory.h"
#include "passes/memory/plan.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace weir::passes {

namespace {

class Annotator {
public:
  Annotator(const MemoryPlan &plan, MLIRContext *context) : plan(plan), b(context) {}

  void annotate(func::FuncOp main) {
    for (BlockArgument argument : main.getArguments())
      main.setArgAttr(argument.getArgNumber(), ir::kBufferAttr, buffer(plan.places.at(argument)));
    main->setAttr(ir::kArenaBytesAttr, b.getI64IntegerAttr(plan.arenaBytes));
    main->setAttr(ir::kLiveBytesAttr, b.getI64IntegerAttr(plan.liveBytes));
    main.walk([&](Operation *op) {
      if (op == main) return;
      if (op->getNumResults() > 0) op->setAttr(ir::kBufferAttr, buffers(op->getResults()));
      if (auto scan = dyn_cast<ir::ScanOp>(op)) {
        scan->setAttr(ir::kLoopAttr, b.getI64IntegerAttr(plan.loops.at(op)));
        scan->setAttr(ir::kBodyBuffersAttr, buffers(scan.getBody().getArguments()));
      }
      if (auto loop = dyn_cast<ir::WhileOp>(op))
        loop->setAttr(ir::kBodyBuffersAttr, buffers(loop.getBody().getArguments()));
      if (auto copies = plan.copies.find(op); copies != plan.copies.end())
        op->setAttr(ir::kCopiesAttr, pairs(copies->second));
    });
  }

private:
  Attribute buffer(const Place &place) {
    const Storage &storage = plan.storages[place.storage];
    return ir::BufferAttr::get(b.getContext(), storage.space, storage.index,
                               storage.offset + place.offset, place.bytes, place.strides);
  }
  ArrayAttr buffers(ValueRange values) {
    return b.getArrayAttr(
        llvm::map_to_vector(values, [&](Value value) { return buffer(plan.places.at(value)); }));
  }
  ArrayAttr pairs(ArrayRef<Copy> copies) {
    return b.getArrayAttr(llvm::map_to_vector(copies, [&](const Copy &copy) -> Attribute {
      return b.getArrayAttr({buffer(copy.source), buffer(copy.target)});
    }));
  }

  const MemoryPlan &plan;
  Builder b;
};

struct PlanMemory : PassWrapper<PlanMemory, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanMemory)
  StringRef getArgument() const override { return "weir-plan-memory"; }
  StringRef getDescription() const override { return "give every value of @main its bytes"; }

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError() << "no function @main";
      return signalPassFailure();
    }
    Annotator(planMemory(main), &getContext()).annotate(main);
  }
};

} // namespace

std::unique_ptr<Pass> createPlanMemoryPass() {
  return std::make_unique<PlanMemory>();
}

void registerMemoryPasses() {
  PassRegistration<PlanMemory>();
  registerPass([] { return createRematerializePass(); });
}

} // namespace weir::passes
