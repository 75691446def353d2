// The GPU as the device of codegen/lower's kernel tests: grids of two shapes, whose threads run in
// opposite orders.
#include "codegen/lower/kernel_device.h"

#include "codegen/cuda/emulate/grid.h"
#include "codegen/cuda/emulate/jit.h"
#include "codegen/cuda/target.h"

#include <chrono>
#include <stdexcept>

using namespace mlir;

namespace weir::codegen {

std::vector<std::pair<std::string, TargetInfo>> testedTargets() {
  return {{"warps of 32", cuda::warpTarget()}};
}

double runLowered(const LoweredKernel &kernel, const TargetInfo &, ArrayRef<void *> buffers,
                  int parts) {
  auto start = std::chrono::steady_clock::now();
  func::FuncOp function = kernel.function;
  auto compiled = cuda::EmulatedKernels::compile({{function, kernel.tasks, kernel.scratchBytes}});
  auto taken = std::chrono::steady_clock::now() - start;
  if (!compiled) throw std::runtime_error(llvm::toString(compiled.takeError()) + "\n");
  auto entry = (*compiled)->entry(function.getSymName());
  if (!entry) throw std::runtime_error("the kernel has no entry\n");

  bool whole = parts == 1;
  cuda::Grid grid{whole ? 2 : 3, whole ? 128 : 32,
                  whole ? cuda::ThreadOrder::Ascending : cuda::ThreadOrder::Descending};
  int64_t warps = grid.blocks * grid.threadsPerBlock / cuda::kWarpLanes;
  std::vector<char> scratch(warps * kernel.scratchBytes + 64, char(0xa5));
  std::vector<void *> arguments(buffers);
  arguments.push_back(scratch.data() +
                      (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64);
  std::string wrong = cuda::runGrid(entry, arguments.data(), grid);
  if (!wrong.empty()) throw std::runtime_error(wrong + "\n");
  return std::chrono::duration<double, std::milli>(taken).count();
}

} // namespace weir::codegen
