// For every op that takes and gives floats: JVP against central differences, VJP against JVP, and
// second order. features: A1 A2
#include "tests/harness/derivative.h"
#include "tests/ops/op_table.h"

#include "ir/reference/interpreter.h"
#include "tests/harness/backend.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::testing {

using runtime::DType;
using runtime::HostTensor;

class Derivatives : public ::testing::TestWithParam<Row> {
protected:
  TestContext context;
};

static bool hasFloats(mlir::TypeRange types) {
  return llvm::any_of(types, [](mlir::Type type) { return runtime::isFloat(dtypeOf(type)); });
}

static bool isFinite(mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs) {
  auto results = ir::interpret(module, "main", inputs);
  return succeeded(results) && llvm::all_of(*results, [](const HostTensor &result) {
           return llvm::all_of(result.toDoubles(), [](double x) { return std::isfinite(x); });
         });
}

/// Only an f64 is differentiated by differences. custom_vjp has no forward mode:
/// autodiff/test/custom_test.cc.
static std::vector<Row> differentiable() {
  std::vector<Row> rows;
  for (const Row &row : opTable())
    if (row.level == Row::Graph && llvm::is_contained(row.dtypes, DType::F64) &&
        row.op != "weir.custom_vjp")
      rows.push_back(row);
  return rows;
}

TEST_P(Derivatives, AgreeWithCentralDifferencesAndEachOther) {
  for (const Sample &sample : GetParam().samples(DType::F64)) {
    SCOPED_TRACE(sample.name);
    auto module = buildModule(context.get(), sample.args, sample.build);
    mlir::FunctionType type = module->lookupSymbol<mlir::func::FuncOp>("main").getFunctionType();
    if (!hasFloats(type.getInputs()) || !hasFloats(type.getResults())) continue;
    std::vector<HostTensor> inputs = randomInputs(sample.args, 3);
    if (!isFinite(*module, inputs)) continue; // the largest of nothing has no derivative
    DerivativeStats stats;
    EXPECT_EQ(checkDerivatives(*module, inputs, 17, 1e-6, true, stats), "")
        << context.takeMessages() << print(*module);
    EXPECT_EQ(stats.unstable, 0) << "the sample's inputs are too near to a kink";
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Derivatives, ::testing::ValuesIn(differentiable()),
                         [](const auto &info) { return info.param.op.substr(5); });

TEST(DerivativeRequests, HaveTheValuesOfTheirFormulas) {
  TestContext context;
  for (const Row &row : opTable()) {
    if (row.level != Row::Derivative) continue;
    for (DType dtype : row.dtypes)
      for (const Sample &sample : row.samples(dtype)) {
        if (!sample.reference) continue;
        SCOPED_TRACE(row.op + " " + sample.name);
        auto module = buildModule(context.get(), sample.args, sample.build);
        ASSERT_TRUE(succeeded(resolveAutodiff(*module))) << context.takeMessages();
        std::vector<HostTensor> inputs = randomInputs(sample.args, 5), expected;
        auto got = ir::interpret(*module, "main", inputs, {.widen = true});
        ASSERT_TRUE(succeeded(got)) << context.takeMessages();
        std::vector<Plain> plains;
        for (const HostTensor &input : inputs) plains.push_back({input.dims(), input.toDoubles()});
        for (const Plain &plain : sample.reference(plains))
          expected.push_back(HostTensor::from<double>(plain.dims, plain.values));
        EXPECT_EQ(compareClose(expected, *got, 1e-12), "");
      }
  }
}

} // namespace weir::testing
