// An executable's kernels in the form that a device takes.
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/device/device.h"

namespace weir::runtime {

/// Executable::kernels[i] on a device.
struct DeviceKernel {
  KernelCode code;
  Grid grid;
};

/// The module for a device of this architecture: a cubin for it, one for an earlier processor of
/// its generation, or PTX, which its driver compiles. Null: none.
const GpuModule *moduleFor(const Executable &executable, const std::string &architecture);

/// All kernels, in order; those without tasks have no code. Functions of an executable for the CPU
/// are taken as they are. Errors: no form that the device takes, with the forms that there are.
absl::StatusOr<std::vector<DeviceKernel>>
deviceKernels(const std::shared_ptr<const Executable> &executable, const DeviceInfo &device);

} // namespace weir::runtime
