// Lowers and compiles the kernels, then writes the instructions.
#include "codegen/artifact/artifact.h"

#include "codegen/artifact/instructions.h"
#include "codegen/cpu/compile/compile.h"
#include "codegen/lower/lower.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weir::codegen {

namespace {

int64_t bytesMoved(func::FuncOp kernel) {
  int64_t bytes = 0;
  for (Type type : kernel.getArgumentTypes()) bytes += ir::bytesOf(type);
  for (Type type : kernel.getResultTypes()) bytes += ir::bytesOf(type);
  return bytes;
}

} // namespace

FailureOr<runtime::Executable> buildExecutable(ModuleOp module, const BuildOptions &options) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main) return module.emitError() << "no function @main", failure();
  runtime::Executable executable;
  executable.name = module.getName().value_or("main").str();

  OwningOpRef<ModuleOp> lowered = ModuleOp::create(module.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(lowered->getBody());
  SmallVector<Operation *> functions;
  llvm::StringMap<int32_t> positions;
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel->hasAttr(ir::kKernelAttr)) continue;
    auto function = lowerKernel(kernel, b, options.target);
    if (failed(function)) return failure();
    functions.push_back(function->function);
    positions[kernel.getName()] = executable.kernels.size();
    runtime::Kernel record;
    record.name = kernel.getName().str();
    record.tasks = function->tasks;
    record.scratchBytesPerThread = function->scratchBytes;
    record.flops = ir::flopsOfBody(kernel.getBody());
    record.bytesMoved = bytesMoved(kernel);
    executable.kernels.push_back(std::move(record));
  }
  auto image = compileKernels(functions, {.target = options.target, .threads = options.threads});
  if (failed(image)) return failure();
  for (runtime::Kernel &kernel : executable.kernels)
    kernel.codeOffset = image->offsets.lookup(kernel.name);
  executable.image = std::move(image->bytes);
  if (failed(writeInstructions(main, positions, executable))) return failure();
  return executable;
}

} // namespace weir::codegen
