// What the compiler promises about whole training steps: the arena is near the least possible,
// variables are updated in place without copies, and more layers of the same kind add launches but
// hardly any kernels. features: G1 G8 X4
#include "frontend/models/char_gpt.h"
#include "frontend/models/mlp.h"
#include "frontend/weir.h"
#include "ir/dialect/weir.h"
#include "passes/memory/memory_report.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace weir;

namespace {

/// A graph at the kernels level.
struct Lowered {
  explicit Lowered(const Graph &graph) {
    mlir::DialectRegistry registry;
    passes::registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(graph.toMlir(), &context);
    good =
        module && succeeded(passes::lower(*module, passes::Level::Source, passes::Level::Kernels));
  }
  int64_t kernels() {
    int64_t n = 0;
    module->walk([&](mlir::func::FuncOp f) { n += f->hasAttr(ir::kKernelAttr); });
    return n;
  }
  int64_t launches() {
    int64_t n = 0;
    module->walk([&](ir::LaunchOp) { ++n; });
    return n;
  }
  int64_t copies() {
    int64_t n = 0;
    module->walk([&](mlir::Operation *op) {
      if (auto list = op->getAttrOfType<mlir::ArrayAttr>(ir::kCopiesAttr)) n += list.size();
    });
    return n;
  }
  passes::MemoryReport memory() {
    return passes::reportMemory(module->lookupSymbol<mlir::func::FuncOp>("main"));
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  bool good = false;
};

Graph gpt(int64_t layers) {
  return models::charGptTraining(
      {.vocabulary = 65, .layers = layers, .features = 64, .context = 32}, {}, 1);
}

Graph mlp() {
  return models::mlpTraining({.sizes = {64, 128, 32, 10}}, nn::adam(1e-3), 1);
}

} // namespace

TEST(Plan, ArenaIsNearTheLeastPossible) {
  for (const Graph &graph : {gpt(2), mlp()}) {
    Lowered lowered(graph);
    ASSERT_TRUE(lowered.good);
    passes::MemoryReport report = lowered.memory();
    EXPECT_GT(report.liveBytes, 0);
    EXPECT_LE(report.arenaBytes, 1.1 * report.liveBytes);
  }
}

TEST(Plan, TrainingStepsUpdateVariablesInPlace) {
  for (const Graph &graph : {gpt(2), mlp()}) {
    Lowered lowered(graph);
    ASSERT_TRUE(lowered.good);
    EXPECT_EQ(lowered.copies(), 0);
  }
}

TEST(Plan, RepeatedLayersShareKernels) {
  Lowered shallow(gpt(2)), deep(gpt(8));
  ASSERT_TRUE(shallow.good && deep.good);
  EXPECT_GT(deep.launches(), 3 * shallow.launches());
  EXPECT_LE(deep.kernels(), shallow.kernels() + 12);
}
