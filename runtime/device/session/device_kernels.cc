// Picks a module; kernels keep the executable alive through it.
#include "runtime/device/session/device_kernels.h"

#include <absl/strings/str_cat.h>

#include <cstdio>

namespace weir::runtime {

namespace {

/// "sm_90" is generation 9, version 0; nothing for other names.
struct Processor {
  int generation = 0, version = 0;
};
std::optional<Processor> processorOf(const std::string &name) {
  int number = 0, end = 0;
  if (std::sscanf(name.c_str(), "sm_%d%n", &number, &end) != 1 || size_t(end) != name.size())
    return std::nullopt;
  return Processor{number / 10, number % 10};
}

} // namespace

const GpuModule *moduleFor(const Executable &executable, const std::string &architecture) {
  const GpuModule *best = nullptr;
  int bestVersion = -1;
  const auto device = processorOf(architecture);
  for (const GpuModule &module : executable.modules) {
    if (module.form == architecture) return &module;
    if (!device) continue;
    if (module.form == kPtxForm && !best) best = &module;
    auto made = processorOf(module.form);
    if (!made || made->generation != device->generation || made->version > device->version ||
        made->version <= bestVersion)
      continue;
    best = &module;
    bestVersion = made->version;
  }
  return best;
}

absl::StatusOr<std::vector<DeviceKernel>>
deviceKernels(const std::shared_ptr<const Executable> &executable, const DeviceInfo &device) {
  const Executable &e = *executable;
  const GpuModule *module = moduleFor(e, device.architecture);
  if (!e.modules.empty() && !module) {
    std::string forms;
    for (const GpuModule &each : e.modules)
      absl::StrAppend(&forms, forms.empty() ? "" : ", ", each.form);
    return absl::InvalidArgumentError(absl::StrCat("'", e.name, "' is compiled for GPUs (", forms,
                                                   "), and ", device.name, " is ",
                                                   device.architecture));
  }
  std::vector<DeviceKernel> kernels;
  for (const Kernel &kernel : e.kernels) {
    DeviceKernel &made = kernels.emplace_back();
    made.code.entry = kernel.entry.empty() ? kernel.name : kernel.entry;
    made.code.tasks = kernel.tasks;
    made.code.scratchBytes = kernel.scratchBytesPerThread;
    made.code.function = kernel.function;
    made.code.product = kernel.product;
    made.code.convolution = kernel.convolution;
    if (!module || kernel.tasks == 0) continue;
    made.grid = {kernel.blocks, kernel.threadsPerBlock};
    if (kernel.isOfLibrary()) continue;
    made.code.module = {executable, e.image.data() + module->offset};
    made.code.moduleBytes = module->bytes;
  }
  return kernels;
}

} // namespace weir::runtime
