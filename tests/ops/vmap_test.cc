// For every op: a batch of it equals a loop over the slices, with every argument sliced and with
// each alone; and so do a batch of its VJP and derivatives of the batch. features: A13
#include "tests/harness/backend.h"
#include "tests/harness/derivative.h"
#include "tests/ops/op_table.h"

#include "ir/reference/interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <cstring>
#include <gtest/gtest.h>

namespace weir::testing {

using runtime::DType;
using runtime::HostTensor;
using Tensors = std::vector<HostTensor>;

constexpr int64_t kSlices = 3;

static mlir::Type withBatch(mlir::Type type) {
  auto slice = mlir::cast<mlir::RankedTensorType>(type);
  std::vector<int64_t> shape = slice.getShape().vec();
  shape.insert(shape.begin(), kSlices);
  return slice.clone(shape);
}

/// @main becomes @slice, and a new @main is its batch: arguments with a bit in `mask` are sliced.
static void batchMain(mlir::ModuleOp module, unsigned mask) {
  auto slice = module.lookupSymbol<mlir::func::FuncOp>("main");
  slice.setSymName("slice");
  mlir::FunctionType type = slice.getFunctionType();
  llvm::SmallVector<mlir::Type> inputs, results;
  std::vector<int64_t> in, out(type.getNumResults(), 0);
  for (auto [i, input] : llvm::enumerate(type.getInputs())) {
    bool isSliced = mask >> i & 1;
    in.push_back(isSliced ? 0 : -1);
    inputs.push_back(isSliced ? withBatch(input) : input);
  }
  for (mlir::Type result : type.getResults()) results.push_back(withBatch(result));
  addFunction(module, "main", inputs, [&](auto &b, auto loc, mlir::ValueRange x) {
    return llvm::SmallVector<mlir::Value>(
        ir::VmapOp::create(b, loc, results, "slice", x, in, out)->getResults());
  });
}

static HostTensor stack(llvm::ArrayRef<HostTensor> slices) {
  std::vector<int64_t> dims = slices[0].dims();
  dims.insert(dims.begin(), slices.size());
  HostTensor all(slices[0].dtype(), dims);
  auto *to = static_cast<char *>(all.mutableRaw());
  for (const HostTensor &slice : slices)
    if (slice.bytes() > 0) std::memcpy(to, slice.raw(), slice.bytes()), to += slice.bytes();
  return all;
}

/// Empty, or how @main, resolved, differs from @slice slice by slice. `slices` are the inputs of
/// each; those without a bit are the first's.
static std::string compareWithLoop(mlir::ModuleOp module, unsigned mask,
                                   std::vector<Tensors> slices) {
  Tensors inputs;
  for (size_t i = 0; i < slices[0].size(); ++i) {
    Tensors column;
    for (Tensors &slice : slices) {
      if (!(mask >> i & 1)) slice[i] = slices[0][i];
      column.push_back(slice[i]);
    }
    inputs.push_back(mask >> i & 1 ? stack(column) : slices[0][i]);
  }
  auto got = ir::interpret(module, "main", inputs, {.widen = true});
  std::vector<Tensors> expected;
  for (const Tensors &slice : slices) {
    auto results = ir::interpret(module, "slice", slice, {.widen = true});
    if (failed(results)) return "interpreting the slice failed";
    expected.resize(results->size());
    for (auto [all, result] : llvm::zip(expected, *results)) all.push_back(result);
  }
  if (failed(got)) return "interpreting the batch failed";
  Tensors stacked;
  for (const Tensors &all : expected) stacked.push_back(stack(all));
  return compareClose(stacked, *got, 1e-11);
}

static std::vector<Tensors> randomSlices(const std::vector<Arg> &args) {
  std::vector<Tensors> slices;
  for (int64_t k = 0; k < kSlices; ++k) slices.push_back(randomInputs(args, 23 + k));
  return slices;
}

/// Every argument sliced, then each alone.
static std::vector<unsigned> masks(size_t arguments) {
  std::vector<unsigned> all = {(1u << arguments) - 1};
  for (size_t i = 0; i < arguments && arguments > 1; ++i) all.push_back(1u << i);
  return all;
}

class Vmap : public ::testing::TestWithParam<Row> {
protected:
  void forEachSample(DType dtype, const std::function<void(const Sample &, unsigned mask)> &check) {
    for (const Sample &sample : GetParam().samples(dtype))
      for (unsigned mask : masks(sample.args.size())) {
        if (sample.args.empty()) continue;
        SCOPED_TRACE(sample.name + " mask " + std::to_string(mask));
        check(sample, mask);
      }
  }
  TestContext context;
};

static std::vector<Row> rowsWithValues() {
  std::vector<Row> rows;
  for (const Row &row : opTable())
    if (row.level == Row::Graph || row.level == Row::Derivative)
      if (row.op != "weir.custom_linear") rows.push_back(row);
  return rows;
}

TEST_P(Vmap, EqualsALoopOverSlices) {
  for (DType dtype : {GetParam().dtypes.front(), GetParam().dtypes.back()})
    forEachSample(dtype, [&](const Sample &sample, unsigned mask) {
      auto module = buildModule(context.get(), sample.args, sample.build);
      batchMain(*module, mask);
      ASSERT_TRUE(succeeded(mlir::verify(*module))) << context.takeMessages();
      ASSERT_TRUE(succeeded(resolveAutodiff(*module))) << context.takeMessages() << print(*module);
      ASSERT_TRUE(succeeded(mlir::verify(*module))) << context.takeMessages() << print(*module);
      EXPECT_EQ(compareWithLoop(*module, mask, randomSlices(sample.args)), "")
          << context.takeMessages() << print(*module);
    });
}

/// Whether the op has a derivative to take: floats in and out.
static bool isDifferentiable(mlir::ModuleOp module) {
  mlir::FunctionType type = module.lookupSymbol<mlir::func::FuncOp>("main").getFunctionType();
  auto hasFloats = [](mlir::TypeRange types) {
    return llvm::any_of(types, [](mlir::Type t) { return runtime::isFloat(dtypeOf(t)); });
  };
  return hasFloats(type.getInputs()) && hasFloats(type.getResults());
}

TEST_P(Vmap, OfTheVjpEqualsALoopOverSlices) {
  if (GetParam().level != Row::Graph || !llvm::is_contained(GetParam().dtypes, DType::F64)) return;
  forEachSample(DType::F64, [&](const Sample &sample, unsigned mask) {
    auto module = buildModule(context.get(), sample.args, sample.build);
    if (!isDifferentiable(*module)) return;
    std::vector<Tensors> slices = randomSlices(sample.args);
    // The first slice's inputs with cotangents; the others get their own.
    for (auto [k, slice] : llvm::enumerate(slices)) {
      mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
      slice = requestDerivative(*copy, slice, 71 + k);
      if (k + 1 == slices.size()) module = std::move(copy);
    }
    for (size_t i = sample.args.size(); i < slices[0].size(); ++i) mask |= 1u << i;
    batchMain(*module, mask);
    ASSERT_TRUE(succeeded(resolveAutodiff(*module))) << context.takeMessages() << print(*module);
    EXPECT_EQ(compareWithLoop(*module, mask, slices), "") << context.takeMessages();
  });
}

TEST_P(Vmap, HasTheDerivativesOfItsValues) {
  if (GetParam().level != Row::Graph || !llvm::is_contained(GetParam().dtypes, DType::F64) ||
      GetParam().op == "weir.custom_vjp")
    return;
  // One sample is enough: everything but the batch is tested for the op alone.
  const Sample sample = GetParam().samples(DType::F64).back();
  for (unsigned mask : sample.args.empty() ? std::vector<unsigned>{} : masks(sample.args.size())) {
    SCOPED_TRACE(sample.name + " mask " + std::to_string(mask));
    auto module = buildModule(context.get(), sample.args, sample.build);
    if (!isDifferentiable(*module)) return;
    std::vector<Arg> args = sample.args;
    for (auto [i, arg] : llvm::enumerate(args))
      if (mask >> i & 1) arg.dims.insert(arg.dims.begin(), kSlices);
    batchMain(*module, mask);
    ASSERT_TRUE(succeeded(resolveAutodiff(*module))) << context.takeMessages();
    DerivativeStats stats;
    EXPECT_EQ(checkDerivatives(*module, randomInputs(args, 29), 31, 1e-6, false, stats), "")
        << context.takeMessages() << print(*module);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Vmap, ::testing::ValuesIn(rowsWithValues()),
                         [](const auto &info) { return info.param.op.substr(5); });

} // namespace weir::testing
