// Kernels from text to results, and their comparison with the interpreter.
#include "codegen/lower/kernel_runner.h"

#include "codegen/cpu/compile/compile.h"
#include "codegen/lower/kernel_device.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"
#include <chrono>
#include <random>
#include <set>

using namespace mlir;
using weir::runtime::DType;
using weir::runtime::HostTensor;

namespace weir::codegen {
namespace {

/// A context with everything loaded, and the parsed text.
struct Parsed {
  explicit Parsed(const std::string &text) : context(registry()) {
    context.loadAllAvailableDialects();
    context.disableMultithreading();
    handler.emplace(&context, [this](Diagnostic &diagnostic) {
      errors += diagnostic.str() + "\n";
      return success();
    });
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module) throw std::runtime_error(errors);
    kernel = *module->getOps<func::FuncOp>().begin();
  }
  static DialectRegistry registry() {
    DialectRegistry registry;
    registerKernelDialects(registry);
    registry.insert<ir::WeirDialect>();
    return registry;
  }
  MLIRContext context;
  std::string errors;
  std::optional<ScopedDiagnosticHandler> handler;
  OwningOpRef<ModuleOp> module;
  func::FuncOp kernel;
};

HostTensor emptyLike(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return HostTensor(*ir::dtypeOf(type), tensor.getShape().vec());
}

double millisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

HostTensor randomLike(Type type, int64_t intLimit, std::mt19937 &random) {
  HostTensor wide(DType::F64, cast<RankedTensorType>(type).getShape().vec());
  DType dtype = *ir::dtypeOf(type);
  for (double &x : wide.mutableData<double>()) {
    if (runtime::isFloat(dtype))
      x = std::uniform_real_distribution<double>(-2, 2)(random);
    else
      x = std::uniform_int_distribution<int64_t>(0, dtype == DType::I1 ? 1 : intLimit - 1)(random);
  }
  return wide.cast(dtype);
}

/// Puts arguments where the results are that may replace them, each at most once.
void shareBuffers(func::FuncOp kernel, const std::vector<HostTensor> &inputs,
                  std::vector<void *> &buffers) {
  auto pairs = kernel->getAttrOfType<ArrayAttr>(ir::kInplaceAttr);
  std::set<int64_t> taken;
  for (Attribute entry : pairs ? pairs.getValue() : ArrayRef<Attribute>()) {
    int64_t result = cast<IntegerAttr>(cast<ArrayAttr>(entry)[0]).getInt();
    int64_t argument = cast<IntegerAttr>(cast<ArrayAttr>(entry)[1]).getInt();
    if (!taken.insert(argument).second || !taken.insert(-1 - result).second) continue;
    buffers[argument] = buffers[inputs.size() + result];
    std::memcpy(buffers[argument], inputs[argument].raw(), inputs[argument].bytes());
  }
}

} // namespace

KernelRun runKernel(const std::string &text, const std::vector<HostTensor> &inputs,
                    const TargetInfo &target, int parts, bool inPlace) {
  Parsed parsed(text);
  KernelRun run;
  OwningOpRef<ModuleOp> loops = ModuleOp::create(UnknownLoc::get(&parsed.context));
  OpBuilder into = OpBuilder::atBlockEnd(loops->getBody());
  auto start = std::chrono::steady_clock::now();
  FailureOr<LoweredKernel> lowered = lowerKernel(parsed.kernel, into, target);
  run.lowerMillis = millisSince(start);
  if (failed(lowered)) throw std::runtime_error(parsed.errors);
  llvm::raw_string_ostream(run.lowered) << *lowered->function;
  std::vector<void *> buffers;
  for (const HostTensor &input : inputs) buffers.push_back(const_cast<void *>(input.raw()));
  for (Type type : parsed.kernel.getResultTypes()) {
    HostTensor &result = run.results.emplace_back(emptyLike(type));
    std::memset(result.mutableRaw(), 0x5a, result.bytes());
  }
  for (HostTensor &result : run.results) buffers.push_back(result.mutableRaw());
  if (inPlace) shareBuffers(parsed.kernel, inputs, buffers);
  run.tasks = lowered->tasks;
  run.scratchBytes = lowered->scratchBytes;
  try {
    if (run.tasks > 0) run.compileMillis = runLowered(*lowered, target, buffers, parts);
  } catch (const std::exception &error) {
    throw std::runtime_error(parsed.errors + error.what() + run.lowered);
  }
  return run;
}

std::vector<HostTensor> randomInputs(const std::string &text, int64_t intLimit, unsigned seed) {
  Parsed parsed(text);
  std::mt19937 random(seed);
  std::vector<HostTensor> inputs;
  for (Type type : parsed.kernel.getArgumentTypes())
    inputs.push_back(randomLike(type, intLimit, random));
  return inputs;
}

void expectMatchesReference(const std::string &text, const std::vector<HostTensor> &inputs) {
  Parsed parsed(text);
  FailureOr<std::vector<ir::BoundedResult>> expected =
      ir::interpretWithBounds(*parsed.module, "k", inputs);
  ASSERT_TRUE(succeeded(expected)) << parsed.errors;
  for (const auto &[level, target] : testedTargets()) {
    try {
      KernelRun run = runKernel(text, inputs, target);
      KernelRun divided = runKernel(text, inputs, target, /*parts=*/3, /*inPlace=*/true);
      for (size_t r = 0; r < expected->size(); ++r) {
        EXPECT_TRUE(run.results[r] == divided.results[r])
            << level << ": depends on how tasks are divided or on where results lie\n"
            << text;
        for (int64_t i = 0; i < run.results[r].size(); ++i) {
          double want = (*expected)[r].value.at(i), got = run.results[r].at(i),
                 bound = (*expected)[r].bound.at(i);
          if (want == got || (std::isnan(want) && std::isnan(got)) || std::abs(want - got) <= bound)
            continue;
          ADD_FAILURE() << level << ": result " << r << " at " << i << " is " << got << ", want "
                        << want << " +- " << bound << "\n"
                        << text << run.lowered;
          break;
        }
      }
    } catch (const std::exception &error) {
      ADD_FAILURE() << level << ": " << error.what() << "\n" << text;
    }
  }
}

void expectMatchesReference(const std::string &text, int64_t intLimit) {
  expectMatchesReference(text, randomInputs(text, intLimit));
}

} // namespace weir::codegen
