// The CPU as a device among others: each stream is a thread with a queue. For programs over several
// devices and for the conformance suite; a session on the CPU alone (runtime/executor) needs none.
#pragma once

#include "runtime/device/device.h"

#include <functional>

namespace weir::runtime {

/// What turns code that is not the CPU's into calls, on the thread of the stream: an emulator of
/// another device. Scratch is the last buffer, as it is there.
struct KernelHost {
  using Call = std::function<absl::Status(void **buffers, size_t count, const Grid &grid)>;
  std::string architecture;
  std::function<absl::StatusOr<Call>(const KernelCode &code)> load;
};

/// `memoryBytes`: what may be allocated in all; 0: as much as the machine gives.
std::unique_ptr<Device> makeCpuDevice(const std::string &name = "cpu", int64_t memoryBytes = 0);
/// One whose kernels `host` runs. What a kernel fails with is an error of its stream.
std::unique_ptr<Device> makeHostedDevice(const std::string &name, KernelHost host,
                                         int64_t memoryBytes = 0);

} // namespace weir::runtime
