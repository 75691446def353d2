// The passes, on the function main of a module.
#include "distributed/partition/partition.h"

#include "ir/collective/placement.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

void dropWords(func::FuncOp function) {
  function.walk([](spmd::ShardOp shard) {
    if (deviceNamed(shard)) return; // a copy to another device: no mesh takes part
    shard.replaceAllUsesWith(shard.getOperand());
    shard.erase();
  });
}

template <typename Derived> struct MainPass : PassWrapper<Derived, OperationPass<ModuleOp>> {
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<spmd::SpmdDialect, WeirDialect>();
  }
  void runOnOperation() override {
    ModuleOp module = this->getOperation();
    FailureOr<Mesh> mesh = meshOf(module);
    if (failed(mesh)) return this->signalPassFailure();
    auto main = module.template lookupSymbol<func::FuncOp>("main");
    if (!main) return;
    if (mesh->devices() == 1) return dropWords(main);
    if (failed(static_cast<Derived *>(this)->run(main))) this->signalPassFailure();
  }
};

struct InsertCollectives : MainPass<InsertCollectives> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InsertCollectives)
  InsertCollectives() = default;
  InsertCollectives(const InsertCollectives &other) : MainPass(other) {}

  StringRef getArgument() const override { return "weir-insert-collectives"; }
  StringRef getDescription() const override {
    return "propagate shardings and insert collectives; shapes stay global";
  }
  LogicalResult run(func::FuncOp main) {
    return failure(failed(insertCollectives(main, {.remarks = remarks})) ||
                   failed(verifySharding(main)));
  }

  Option<bool> remarks{*this, "remarks", llvm::cl::desc("say where splits do not go together"),
                       llvm::cl::init(false)};
};

struct VerifySharding : MainPass<VerifySharding> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifySharding)
  StringRef getArgument() const override { return "weir-verify-sharding"; }
  StringRef getDescription() const override { return "check the shardings of a graph as types"; }
  LogicalResult run(func::FuncOp main) { return verifySharding(main); }
};

struct Shard : MainPass<Shard> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Shard)
  StringRef getArgument() const override { return "weir-shard"; }
  StringRef getDescription() const override {
    return "make a graph the program of one device of the module's mesh";
  }
  LogicalResult run(func::FuncOp main) {
    if (failed(insertCollectives(main)) || failed(verifySharding(main)) || failed(localize(main)))
      return failure();
    flattenCollectives(main);
    return combineReductions(main);
  }
};

} // namespace

std::unique_ptr<Pass> createShardPass() {
  return std::make_unique<Shard>();
}

void registerDistributedPasses() {
  PassRegistration<Shard>();
  PassRegistration<InsertCollectives>();
  PassRegistration<VerifySharding>();
}

} // namespace weir::distributed
