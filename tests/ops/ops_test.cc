// For every op: its value on the interpreter against a naive formula, on every backend against the
// interpreter within the numeric contract, print and parse, and refusal of the dtypes it does not
// take.  features: F3 F6
#include "tests/harness/backend.h"
#include "tests/ops/op_table.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>
#include <set>

namespace weir::testing {

using runtime::DType;
using runtime::HostTensor;

class OpTable : public ::testing::TestWithParam<Row> {
protected:
  /// Calls `check` with each sample of the row, in each dtype that the op takes.
  void forEachSample(const std::function<void(const Sample &, mlir::ModuleOp)> &check) {
    for (DType dtype : GetParam().dtypes)
      for (const Sample &sample : GetParam().samples(dtype)) {
        SCOPED_TRACE(std::string(runtime::dtypeName(dtype)) + " " + sample.name);
        auto module = buildModule(context.get(), sample.args, sample.build);
        ASSERT_TRUE(succeeded(mlir::verify(*module))) << context.takeMessages();
        check(sample, *module);
      }
  }

  TestContext context;
};

static Plain plain(const HostTensor &tensor) {
  return {tensor.dims(), tensor.toDoubles()};
}

/// References compute with numbers; integer results are these modulo 2^width. A double does not
/// tell on which side of the ends of i64 and ui64 it is.
static std::vector<double> wrapped(std::vector<double> values, DType dtype) {
  if (runtime::isFloat(dtype) || dtype == DType::I1 || dtype == DType::I64) return values;
  double period = std::exp2(8 * runtime::dtypeBytes(dtype));
  double above = runtime::isUnsigned(dtype) ? 0 : period / 2;
  for (double &x : values)
    if (dtype != DType::U64 || x < 0 || x > period) x -= period * std::floor((x + above) / period);
  return values;
}

TEST_P(OpTable, ValueOnTheInterpreterIsTheReferences) {
  forEachSample([&](const Sample &sample, mlir::ModuleOp module) {
    if (!sample.reference || GetParam().level == Row::Derivative) return;
    std::vector<HostTensor> inputs = randomInputs(sample.args, 7);
    auto got = ir::interpret(module, "main", inputs, {.widen = true});
    ASSERT_TRUE(succeeded(got)) << context.takeMessages();
    Plains plains;
    for (const HostTensor &input : inputs) plains.push_back(plain(input));
    Plains expected = sample.reference(plains);
    std::vector<HostTensor> asDoubles, references;
    for (const HostTensor &result : *got) asDoubles.push_back(result.cast(DType::F64));
    for (auto [reference, result] : llvm::zip_equal(expected, *got))
      references.push_back(
          HostTensor::from<double>(reference.dims, wrapped(reference.values, result.dtype())));
    EXPECT_EQ(compareClose(references, asDoubles, 1e-12), "");
  });
}

TEST_P(OpTable, EveryBackendIsWithinTheNumericContract) {
  if (GetParam().level != Row::Graph) return;
  forEachSample([&](const Sample &sample, mlir::ModuleOp module) {
    std::vector<HostTensor> inputs = randomInputs(sample.args, 11);
    auto expected = ir::interpretWithBounds(module, "main", inputs);
    ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
    for (const Backend &backend : backends()) {
      SCOPED_TRACE(backend.name);
      mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
      auto got = backend.run(*copy, inputs);
      ASSERT_TRUE(succeeded(got)) << context.takeMessages();
      EXPECT_EQ(compare(*expected, *got), "");
    }
  });
}

/// Sums and products of numbers near the largest depend on the order.
static bool accumulates(const Row &row, DType dtype) {
  return runtime::isFloat(dtype) &&
         llvm::any_of(std::initializer_list<llvm::StringRef>{"sum", "prod", "_add", "_mul", "dot",
                                                             "convolution", "fold", "logsumexp",
                                                             "recurrence"},
                      [&](llvm::StringRef part) { return llvm::StringRef(row.op).contains(part); });
}

TEST_P(OpTable, EveryBackendAgreesAtTheEdgesOfEachDtype) {
  if (GetParam().level != Row::Graph) return;
  for (DType dtype : GetParam().dtypes) {
    if (accumulates(GetParam(), dtype)) continue;
    // One sample is enough: the largest.
    std::vector<Sample> samples = GetParam().samples(dtype);
    auto size = [](const Sample &sample) {
      int64_t count = 0;
      for (const Arg &arg : sample.args) count += runtime::elementCount(arg.dims).value();
      return count;
    };
    Sample &sample = *std::ranges::max_element(samples, {}, size);
    SCOPED_TRACE(std::string(runtime::dtypeName(dtype)) + " " + sample.name);
    auto module = buildModule(context.get(), sample.args, sample.build);
    std::vector<HostTensor> inputs = edgeInputs(sample.args, 13);
    auto expected = ir::interpretWithBounds(*module, "main", inputs);
    ASSERT_TRUE(succeeded(expected)) << context.takeMessages();
    for (const Backend &backend : backends()) {
      mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
      auto got = backend.run(*copy, inputs);
      ASSERT_TRUE(succeeded(got)) << context.takeMessages();
      EXPECT_EQ(compare(*expected, *got), "") << backend.name;
    }
  }
}

TEST_P(OpTable, PrintsAndParsesBack) {
  forEachSample([&](const Sample &sample, mlir::ModuleOp module) {
    std::string text = print(module);
    auto parsed = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    ASSERT_TRUE(parsed) << context.takeMessages() << text;
    EXPECT_EQ(print(*parsed), text);
  });
}

/// What is said when the op is built on the arguments of `sample` with `from` replaced by `to`;
/// empty if it is built.
static std::string refusal(TestContext &context, const std::string &opName, const Sample &sample,
                           DType from, DType to) {
  auto module = buildModule(context.get(), sample.args, sample.build);
  mlir::Operation *op = nullptr;
  module->walk([&](mlir::Operation *o) {
    if (o->getName().getStringRef() == opName) op = o;
  });
  llvm::SmallVector<mlir::Type> types;
  for (const Arg &arg : sample.args)
    types.push_back(tensorType(context.get(), {arg.dtype == from ? to : arg.dtype, arg.dims}));
  addFunction(*module, "refused", types, [&](auto &b, auto loc, mlir::ValueRange x) {
    (void)ir::buildChecked(b, loc, opName, x, op->getAttrDictionary().getValue());
    return llvm::SmallVector<mlir::Value>{};
  });
  return context.takeMessages();
}

TEST_P(OpTable, OtherDtypesAreRefusedByName) {
  const Row &row = GetParam();
  auto name = mlir::RegisteredOperationName::lookup(row.op, context.get());
  ASSERT_TRUE(name);
  auto *space = name->getInterface<ir::IterationSpaceOp>();
  if (space)
    EXPECT_EQ(row.dtypes, dtypesOf(space->dtypes())) << "the row and the op's record differ";
  Sample sample = row.samples(row.dtypes[0])[0];
  if (sample.args.empty() || !name->getInterface<mlir::InferTypeOpInterface>())
    return; // takes or infers any
  for (DType dtype : kAny) {
    if (llvm::is_contained(row.dtypes, dtype)) continue;
    std::string message = refusal(context, row.op, sample, row.dtypes[0], dtype);
    std::string wanted = row.op.substr(5) + ": operand 0 is " +
                         std::string(runtime::dtypeName(dtype)) + ", but only ";
    EXPECT_EQ(message.substr(0, wanted.size()), wanted) << message;
    if (space) EXPECT_NE(message.find(ir::describe(space->dtypes())), std::string::npos) << message;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OpTable, ::testing::ValuesIn(opTable()),
                         [](const auto &info) { return info.param.op.substr(5); });

// yield ends regions and has no meaning alone.
TEST(OpTableIsComplete, EveryOpOfTheDialectHasARow) {
  std::set<std::string> rows = {"weir.yield"};
  for (const Row &row : opTable())
    EXPECT_TRUE(rows.insert(row.op).second) << row.op << " has two rows";
  TestContext context;
  for (mlir::RegisteredOperationName name : context.get()->getRegisteredOperations()) {
    if (name.getDialectNamespace() != "weir") continue;
    EXPECT_TRUE(rows.count(name.getStringRef().str()))
        << name.getStringRef().str()
        << " has no row: add one to the file of its family, tests/ops/rows_<family>.cc";
  }
}

} // namespace weir::testing
