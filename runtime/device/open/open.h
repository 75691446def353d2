// Devices by the names that users write: "cpu", "cuda", "cuda:1".
#pragma once

#include "runtime/device/device.h"

#include <functional>

namespace weir::runtime {

/// A kind of device that programs are compiled for and run on.
struct DeviceKind {
  std::vector<std::string>
      forms; ///< of code for it (Executable::modules), for programs run at once
  std::function<absl::StatusOr<std::unique_ptr<Device>>(int ordinal)> open;
};

/// Adds the kind "`name`", whose devices are "name" and "name:0" (the same), "name:1" and so on.
/// For tests: "cuda" is there already. A kind of the same name is replaced.
void addDeviceKind(const std::string &name, DeviceKind kind);

struct OpenDevice {
  std::shared_ptr<Device> device;
  std::vector<std::string> forms;
};
/// Errors: no such kind, with those that there are; why this one cannot be used ("cuda:1: ...").
absl::StatusOr<OpenDevice> openDevice(const std::string &name);

/// Whether `name` is the CPU's, which runtime/executor serves.
inline bool isCpu(const std::string &name) {
  return name.empty() || name == "cpu";
}

} // namespace weir::runtime
