// A table of kinds, with CUDA's in it from the start.
#include "runtime/device/open/open.h"

#include "runtime/device/cuda/cuda_device.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <map>
#include <mutex>

namespace weir::runtime {

namespace {

struct Kinds {
  std::mutex mutex;
  // PTX alone: the driver compiles it for the processor that it has.
  std::map<std::string, DeviceKind> byName = {
      {"cuda", {{"ptx"}, [](int ordinal) { return cuda::openDevice(ordinal); }}}};
};

Kinds &kinds() {
  static Kinds all;
  return all;
}

} // namespace

void addDeviceKind(const std::string &name, DeviceKind kind) {
  std::lock_guard lock(kinds().mutex);
  kinds().byName[name] = std::move(kind);
}

absl::StatusOr<OpenDevice> openDevice(const std::string &name) {
  const size_t colon = name.find(':');
  int ordinal = 0;
  const bool isNumber = colon == std::string::npos ||
                        (absl::SimpleAtoi(name.substr(colon + 1), &ordinal) && ordinal >= 0);
  std::lock_guard lock(kinds().mutex);
  auto kind = kinds().byName.find(name.substr(0, colon));
  if (!isNumber || kind == kinds().byName.end()) {
    std::string list = "cpu";
    for (const auto &[known, each] : kinds().byName)
      absl::StrAppend(&list, ", ", known, ", ", known, ":N");
    return absl::InvalidArgumentError(
        absl::StrCat("there is no device '", name, "'; there are ", list));
  }
  auto device = kind->second.open(ordinal);
  if (!device.ok())
    return absl::Status(device.status().code(),
                        absl::StrCat("device ", name, ": ", device.status().message()));
  return OpenDevice{*std::move(device), kind->second.forms};
}

} // namespace weir::runtime
