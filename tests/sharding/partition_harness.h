// A graph on a mesh, run by devices that take turns, beside one device; and without any one of its
// collectives.
#pragma once

#include "distributed/partition/lock_step.h"
#include "distributed/partition/partition.h"
#include "ir/collective/spmd.h"
#include "ir/interfaces/dtype.h"
#include "ir/reference/interpreter.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <random>

namespace weir::distributed {

using mlir::ModuleOp;
using mlir::OwningOpRef;
using runtime::DType;
using runtime::HostTensor;

class PartitionTest : public ::testing::Test {
protected:
  PartitionTest() {
    mlir::DialectRegistry registry;
    passes::registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The module at graph level.
  OwningOpRef<ModuleOp> graph(const std::string &mesh, const std::string &body) {
    auto module = mlir::parseSourceString<ModuleOp>(body, &context);
    EXPECT_TRUE(module);
    if (!module) return module;
    EXPECT_TRUE(succeeded(passes::lower(*module, passes::Level::Source, passes::Level::Graph)));
    (*module)->setAttr(ir::spmd::kMeshAttr, mlir::StringAttr::get(&context, mesh));
    return module;
  }

  static mlir::func::FuncOp mainOf(ModuleOp module) {
    return module.lookupSymbol<mlir::func::FuncOp>("main");
  }

  std::vector<HostTensor> inputs(ModuleOp module) {
    std::mt19937 rng(5);
    std::vector<HostTensor> tensors;
    for (mlir::Type type : mainOf(module).getArgumentTypes()) {
      auto tensor = mlir::cast<mlir::RankedTensorType>(type);
      HostTensor value(DType::F64, tensor.getShape().vec());
      bool isFloat = mlir::isa<mlir::FloatType>(tensor.getElementType());
      for (double &x : value.mutableData<double>())
        x = isFloat ? std::uniform_real_distribution<>(-1, 1)(rng) : double(rng() % 4);
      DType dtype = ir::dtypeOf(type).value();
      tensors.push_back(isFloat ? value : value.cast(dtype));
    }
    return tensors;
  }

  /// Runs the graph on one device and on the mesh, and compares. Returns the collectives that ran.
  Traffic check(const std::string &mesh, const std::string &body) {
    Traffic traffic;
    auto module = graph(mesh, body);
    if (!module) return traffic;
    std::vector<HostTensor> in = inputs(*module);
    auto expected = ir::interpret(*module, "main", in, {.widen = true});
    EXPECT_TRUE(succeeded(expected));
    EXPECT_TRUE(succeeded(insertCollectives(mainOf(*module))));
    EXPECT_TRUE(succeeded(verifySharding(mainOf(*module)))) << print(*module);
    auto global = ir::interpret(*module, "main", in, {.widen = true});
    EXPECT_TRUE(succeeded(global));
    checkDeletions(*module);
    sharded = print(*module);
    EXPECT_TRUE(succeeded(localize(mainOf(*module))));
    EXPECT_TRUE(succeeded(mlir::verify(*module))) << print(*module);
    auto got = runLockStep(*module, "main", in, /*widen=*/true, &traffic);
    EXPECT_TRUE(succeeded(got)) << sharded << print(*module);
    if (failed(got) || failed(expected)) return traffic;
    for (size_t i = 0; i < expected->size(); ++i) {
      compare((*expected)[i], (*global)[i]);
      compare((*expected)[i], (*got)[i]);
    }
    return traffic;
  }

  void compare(const HostTensor &expected, const HostTensor &got) {
    ASSERT_EQ(expected.dims(), got.dims());
    for (int64_t k = 0; k < expected.size(); ++k)
      ASSERT_NEAR(expected.at(k), got.at(k), 1e-9) << "element " << k << "\n" << sharded;
  }

  /// Without any one collective the shardings do not fit.
  void checkDeletions(ModuleOp module) {
    int count = 0;
    module.walk(
        [&](mlir::Operation *op) { count += mlir::isa<ir::spmd::SpmdDialect>(op->getDialect()); });
    for (int skip = 0; skip < count; ++skip) {
      OwningOpRef<ModuleOp> copy = module.clone();
      mlir::Operation *victim = nullptr;
      int at = 0;
      copy->walk([&](mlir::Operation *op) {
        if (mlir::isa<ir::spmd::SpmdDialect>(op->getDialect()) && at++ == skip) victim = op;
      });
      victim->getResult(0).replaceAllUsesWith(victim->getOperand(0));
      std::string name = print(victim);
      victim->erase();
      std::string said;
      mlir::ScopedDiagnosticHandler handler(
          &context, [&](mlir::Diagnostic &diagnostic) { said += diagnostic.str(); });
      EXPECT_TRUE(failed(verifySharding(mainOf(*copy)))) << name << " can be left out";
      EXPECT_NE(said, "");
    }
  }

  template <typename Op> static std::string print(Op op) {
    std::string text;
    llvm::raw_string_ostream os(text);
    op->print(os);
    return text;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  std::string sharded;
};

} // namespace weir::distributed
