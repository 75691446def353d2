// A device that takes executables for GPUs and runs their kernels on emulated grids: what a GPU
// would run, without one. For tests.
#pragma once

#include "runtime/device/device.h"

namespace weir::codegen::cuda {

/// Takes modules of bitcode (runtime::kBitcodeForm); streams are threads, and threads of a grid
/// go in one order in one launch and in the other in the next. Errors of a stream: what is wrong
/// with a kernel (grid.h). `memoryBytes`: what may be allocated; 0: as much as there is.
std::unique_ptr<runtime::Device> makeEmulatedDevice(const std::string &name = "emulated",
                                                    int64_t memoryBytes = 0);

} // namespace weir::codegen::cuda
