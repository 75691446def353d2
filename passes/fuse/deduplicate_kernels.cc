// weir-deduplicate-kernels: compiling costs what the distinct kernels cost. Kernels are compared by
// their ops, types and attributes; names and locations do not count, and tensor constants are
// arguments already.
#include "ir/dialect/weir.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OperationSupport.h"
#include "passes/fuse/fuse.h"
#include "llvm/ADT/Hashing.h"

using namespace mlir;

namespace weir::passes {

SmallVector<Operation *> opsOfKernel(Operation *kernel) {
  SmallVector<Operation *> ops;
  kernel->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != kernel) ops.push_back(op);
  });
  return ops;
}

namespace {

/// Of a kernel that goes: the one that stays knows only its own.
ArrayAttr locationsOf(func::FuncOp kernel) {
  SmallVector<Attribute> locations;
  for (Operation *op : opsOfKernel(kernel)) locations.push_back(op->getLoc());
  return ArrayAttr::get(kernel.getContext(), locations);
}

llvm::hash_code hashOf(func::FuncOp kernel) {
  llvm::DenseMap<Value, unsigned> numbers;
  auto number = [&](Value v) { return numbers.try_emplace(v, numbers.size()).first->second; };
  llvm::hash_code hash =
      llvm::hash_combine(kernel.getFunctionType(), kernel->getAttr(ir::kKernelAttr),
                         kernel->getAttr(ir::kInplaceAttr));
  for (Value arg : kernel.getArguments()) number(arg);
  for (Operation &op : kernel.getBody().front()) {
    hash = llvm::hash_combine(hash, op.getName(), op.getAttrDictionary());
    for (Value operand : op.getOperands()) hash = llvm::hash_combine(hash, number(operand));
    for (Value result : op.getResults())
      hash = llvm::hash_combine(hash, result.getType(), number(result));
  }
  return hash;
}

bool areEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         a->getAttr(ir::kKernelAttr) == b->getAttr(ir::kKernelAttr) &&
         a->getAttr(ir::kInplaceAttr) == b->getAttr(ir::kInplaceAttr) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

struct DeduplicateKernels : PassWrapper<DeduplicateKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DeduplicateKernels)
  DeduplicateKernels() = default;
  DeduplicateKernels(const DeduplicateKernels &other)
      : PassWrapper(other) {} // statistics are not copied

  Statistic distinct{this, "distinct", "kernels that remain"};
  Statistic shared{this, "shared", "kernels that were equal to another"};

  StringRef getArgument() const final { return "weir-deduplicate-kernels"; }
  StringRef getDescription() const final {
    return "share kernels that are equal but for names and locations";
  }

  void runOnOperation() override {
    llvm::DenseMap<size_t, SmallVector<func::FuncOp, 1>> seen;
    llvm::DenseMap<StringAttr, std::pair<FlatSymbolRefAttr, ArrayAttr>> renamed;
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!kernel->hasAttr(ir::kKernelAttr) || kernel.isExternal()) continue;
      auto &candidates = seen[size_t(hashOf(kernel))];
      auto *same =
          llvm::find_if(candidates, [&](func::FuncOp other) { return areEqual(kernel, other); });
      if (same == candidates.end()) {
        candidates.push_back(kernel);
        ++distinct;
        continue;
      }
      renamed[kernel.getNameAttr()] = {FlatSymbolRefAttr::get(same->getNameAttr()),
                                       locationsOf(kernel)};
      kernel.erase();
      ++shared;
    }
    getOperation().walk([&](ir::LaunchOp launch) {
      auto it = renamed.find(launch.getCalleeAttr().getAttr());
      if (it == renamed.end()) return;
      launch.setCalleeAttr(it->second.first);
      launch->setAttr(kOpLocationsAttr, it->second.second);
    });
  }
};

} // namespace

std::unique_ptr<Pass> createDeduplicateKernelsPass() {
  return std::make_unique<DeduplicateKernels>();
}

} // namespace weir::passes
