// The CPU as a device among others: each stream is a thread with a queue. For programs over several
// devices and for the conformance suite; a session on the CPU alone (runtime/executor) needs none.
#pragma once

#include "runtime/device/device.h"

namespace weir::runtime {

/// `memoryBytes`: what may be allocated in all; 0: as much as the machine gives.
std::unique_ptr<Device> makeCpuDevice(const std::string &name = "cpu", int64_t memoryBytes = 0);

} // namespace weir::runtime
