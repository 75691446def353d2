// Lowers and compiles the kernels, each step on all cores, then writes the instructions.
#include "codegen/artifact/artifact.h"

#include "codegen/artifact/dependences.h"
#include "codegen/artifact/instructions.h"
#include "codegen/artifact/library_convolutions.h"
#include "codegen/artifact/library_dots.h"
#include "codegen/cpu/compile/compile.h"
#include "codegen/cuda/image.h"
#include "codegen/cuda/target.h"
#include "codegen/lower/lower.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

#include <atomic>
#include <thread>

using namespace mlir;

namespace weir::codegen {

namespace {

int64_t bytesMoved(func::FuncOp kernel) {
  int64_t bytes = 0;
  for (Type type : kernel.getArgumentTypes()) bytes += ir::bytesOf(type);
  for (Type type : kernel.getResultTypes()) bytes += ir::bytesOf(type);
  return bytes;
}

/// A kernel before and after lowering, which each does in a module of its own: on any thread.
struct Lowering {
  func::FuncOp source;
  OwningOpRef<ModuleOp> module;
  LoweredKernel result;
  bool failed = false;
  std::optional<runtime::MatrixProduct> product = {};   ///< a library's: nothing is lowered
  std::optional<runtime::Convolution> convolution = {}; ///< the same

  bool isOfLibrary() const { return product || convolution; }
};

LogicalResult lowerKernels(std::vector<Lowering> &kernels, const BuildOptions &options) {
  if (kernels.empty()) return success();
  MLIRContext *context = kernels.front().source.getContext();
  ParallelDiagnosticHandler diagnostics(context); // reports in the kernels' order
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < kernels.size();) {
      Lowering &kernel = kernels[i];
      if (kernel.isOfLibrary()) continue;
      diagnostics.setOrderIDForThread(i);
      kernel.module = ModuleOp::create(kernel.source.getLoc());
      OpBuilder b = OpBuilder::atBlockEnd(kernel.module->getBody());
      auto lowered = lowerKernel(kernel.source, b, options.target);
      kernel.failed = failed(lowered);
      if (!kernel.failed) kernel.result = *lowered;
      diagnostics.eraseOrderIDForThread();
    }
  };
  size_t threads = options.threads > 0 ? options.threads : std::thread::hardware_concurrency();
  if (!context->isMultithreadingEnabled()) threads = 1;
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(threads, kernels.size()); ++i) others.emplace_back(work);
  work();
  for (std::thread &thread : others) thread.join();
  return failure(llvm::any_of(kernels, [](const Lowering &kernel) { return kernel.failed; }));
}

runtime::Kernel kernelRecord(const Lowering &kernel) {
  func::FuncOp source = kernel.source;
  const LoweredKernel &lowered = kernel.result;
  runtime::Kernel record;
  record.name = source.getName().str();
  record.tasks = lowered.tasks;
  record.scratchBytesPerThread = lowered.scratchBytes;
  record.flops = ir::flopsOfBody(source.getBody());
  record.bytesMoved = bytesMoved(source);
  if (!kernel.isOfLibrary()) return record;
  record.product = kernel.product;
  record.convolution = kernel.convolution;
  record.tasks = 1;
  record.scratchBytesPerThread = kLibraryWorkspaceBytes;
  record.blocks = 1;
  record.threadsPerBlock = static_cast<int32_t>(cuda::kWarpLanes);
  return record;
}

LogicalResult compileForCpu(ArrayRef<Lowering> kernels, const BuildOptions &options,
                            runtime::Executable &executable) {
  SmallVector<Operation *> functions;
  for (const Lowering &kernel : kernels) functions.push_back(kernel.result.function);
  auto image = compileKernels(functions, {.target = options.target, .threads = options.threads});
  if (failed(image)) return failure();
  for (runtime::Kernel &kernel : executable.kernels)
    kernel.codeOffset = image->offsets.lookup(kernel.name);
  executable.image = std::move(image->bytes);
  return success();
}

LogicalResult compileForGpu(ArrayRef<Lowering> kernels, const BuildOptions &options,
                            runtime::Executable &executable) {
  std::vector<cuda::WarpKernel> launched;
  for (auto [kernel, record] : llvm::zip(kernels, executable.kernels)) {
    if (record.tasks == 0 || record.isOfLibrary()) continue;
    cuda::WarpKernel warp{kernel.result.function, record.tasks, record.scratchBytesPerThread};
    record.entry = cuda::entryName(cuda::nameOf(warp));
    record.blocks = static_cast<int32_t>(cuda::blocksFor(warp));
    record.threadsPerBlock = static_cast<int32_t>(cuda::kWarpLanes * cuda::kWarpsPerBlock);
    launched.push_back(warp);
  }
  if (launched.empty()) { // Copies alone: a module in name, so that it is seen whom this is for.
    executable.image = {0};
    executable.modules = {{options.gpuForms.front(), 0, 1}};
    return success();
  }
  auto image = cuda::compileForms(launched, options.gpuForms);
  if (failed(image)) return failure();
  executable.image = std::move(image->bytes);
  executable.modules = std::move(image->modules);
  return success();
}

} // namespace

FailureOr<runtime::Executable> buildExecutable(ModuleOp module, const BuildOptions &options) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main) return module.emitError() << "no function @main", failure();
  runtime::Executable executable;
  executable.name = module.getName().value_or("main").str();

  std::vector<Lowering> kernels;
  for (auto kernel : module.getOps<func::FuncOp>())
    if (kernel->hasAttr(ir::kKernelAttr)) {
      kernels.push_back({kernel});
      if (options.gpuForms.empty()) continue;
      kernels.back().product = libraryProduct(kernel);
      kernels.back().convolution = libraryConvolution(kernel);
    }
  if (failed(lowerKernels(kernels, options))) return failure();
  llvm::StringMap<int32_t> positions;
  for (const Lowering &kernel : kernels) {
    executable.kernels.push_back(kernelRecord(kernel));
    positions[executable.kernels.back().name] = executable.kernels.size() - 1;
  }
  auto compile = options.gpuForms.empty() ? compileForCpu : compileForGpu;
  if (failed(compile(kernels, options, executable))) return failure();
  if (failed(writeInstructions(main, positions, executable))) return failure();
  std::vector<int32_t> results;
  for (Lowering &kernel : kernels)
    results.push_back(static_cast<int32_t>(kernel.source.getNumResults()));
  addDependences(executable, results);
  return executable;
}

} // namespace weir::codegen
