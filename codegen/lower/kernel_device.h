// What runs lowered kernels in tests: the CPU (kernel_device.cc), or whatever a build of the runner
// links in its place. So the same tests serve every device.
#pragma once

#include "codegen/lower/lower.h"

#include <string>
#include <utility>
#include <vector>

namespace weir::codegen {

/// Every target that kernels are to be tested on, by name.
std::vector<std::pair<std::string, TargetInfo>> testedTargets();

/// Compiles the kernel and runs all its tasks on `buffers`, divided in a way that `parts` picks.
/// Returns the milliseconds that compiling took. Throws std::runtime_error.
double runLowered(const LoweredKernel &kernel, const TargetInfo &target,
                  llvm::ArrayRef<void *> buffers, int parts);

} // namespace weir::codegen
