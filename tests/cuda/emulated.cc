// Kernels are lowered twice: for the CPU, which gives the executable with its memory plan and
// instructions, and for warps.
#include "tests/cuda/emulated.h"

#include "codegen/artifact/artifact.h"
#include "codegen/cuda/emulate/grid.h"
#include "codegen/cuda/emulate/jit.h"
#include "runtime/executor/session.h"

using namespace weir::codegen;

namespace weir::testing {

using runtime::HostTensor;

mlir::FailureOr<std::vector<HostTensor>> runEmulated(mlir::ModuleOp module,
                                                     const std::vector<HostTensor> &inputs) {
  namePorts(module);
  auto lowered = lowerForWarps(module);
  if (!lowered) return mlir::failure();
  auto built = buildExecutable(module, {.target = *hostTarget(), .threads = 1});
  if (failed(built)) return mlir::failure();
  std::unique_ptr<cuda::EmulatedKernels> kernels;
  if (!lowered->kernels.empty()) {
    auto compiled = cuda::EmulatedKernels::compile(lowered->kernels);
    if (!compiled) return module.emitError(llvm::toString(compiled.takeError()));
    kernels = std::move(*compiled);
  }
  for (runtime::Kernel &kernel : built->kernels) {
    if (kernel.tasks == 0) continue;
    kernel.function = kernels->launcher(kernel.name);
    kernel.tasks = 1;
    kernel.scratchBytesPerThread = 0;
  }
  auto executable = std::make_shared<const runtime::Executable>(std::move(*built));
  static const auto pool = std::make_shared<runtime::ThreadPool>(1);
  auto session = runtime::Session::create(executable, {.pool = pool});
  if (!session.ok()) return module.emitError() << std::string(session.status().message());
  auto first = (*session)->run(inputs), again = (*session)->run(inputs);
  if (std::string wrong = cuda::takeProblem(); !wrong.empty()) return module.emitError(wrong);
  if (!first.ok()) return module.emitError() << std::string(first.status().message());
  if (!again.ok()) return module.emitError() << std::string(again.status().message());
  if (*first != *again) return module.emitError("the order of threads changes bits");
  return *first;
}

} // namespace weir::testing
