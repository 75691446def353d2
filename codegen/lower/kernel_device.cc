// Kernels on this machine's CPU, at both vector widths where it has them.
#include "codegen/lower/kernel_device.h"

#include "codegen/cpu/compile/compile.h"
#include "codegen/cpu/compile/mapped_image.h"

#include <chrono>
#include <stdexcept>

using namespace mlir;

namespace weir::codegen {

std::vector<std::pair<std::string, TargetInfo>> testedTargets() {
  std::vector<std::pair<std::string, TargetInfo>> targets;
  for (const char *level : {"x86-64-v3", "x86-64-v4"}) {
    std::optional<TargetInfo> target = targetForLevel(level), host = hostTarget();
    if (target && host && target->vectorBytes <= host->vectorBytes)
      targets.push_back({level, *target});
  }
  return targets;
}

/// Ranges of tasks, the last first: any order gives the same bits.
double runLowered(const LoweredKernel &kernel, const TargetInfo &target, ArrayRef<void *> buffers,
                  int parts) {
  auto start = std::chrono::steady_clock::now();
  CompileOptions options{target, /*threads=*/1, /*verify=*/true};
  FailureOr<Image> image = compileKernels({kernel.function}, options);
  auto taken = std::chrono::steady_clock::now() - start;
  if (failed(image)) throw std::runtime_error("the kernel does not compile\n");
  auto mapped = MappedImage::map(*image);
  std::vector<void *> pointers(buffers);
  std::vector<char> scratch(kernel.scratchBytes + 64);
  void *aligned = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64;
  for (int part = 0; part < parts; ++part)
    mapped->kernel("k")(pointers.data(), kernel.tasks * (parts - 1 - part) / parts,
                        kernel.tasks * (parts - part) / parts, aligned);
  return std::chrono::duration<double, std::milli>(taken).count();
}

} // namespace weir::codegen
