// Names of devices, and what is said of those that are not there.  features: G5
#include "runtime/device/open/open.h"

#include "runtime/device/cpu/cpu_device.h"

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

TEST(OpenDevice, NamesAKindAndAnOrdinal) {
  addDeviceKind("toy", {{"llvm"}, [](int ordinal) -> absl::StatusOr<std::unique_ptr<Device>> {
                          if (ordinal > 1) return absl::NotFoundError("there are two");
                          return makeCpuDevice("toy:" + std::to_string(ordinal));
                        }});
  EXPECT_EQ(openDevice("toy")->device->info().name, "toy:0");
  EXPECT_EQ(openDevice("toy:1")->device->info().name, "toy:1");
  EXPECT_EQ(openDevice("toy:1")->forms, (std::vector<std::string>{"llvm"}));
  EXPECT_EQ(openDevice("toy:2").status().message(), "device toy:2: there are two");
}

TEST(OpenDevice, ListsWhatThereIsForOtherNames) {
  for (const char *name : {"tpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1:2"}) {
    std::string message(openDevice(name).status().message());
    EXPECT_EQ(
        message.find("there is no device '" + std::string(name) + "'; there are cpu, cuda, cuda:N"),
        0u)
        << message;
  }
  EXPECT_TRUE(isCpu("cpu"));
  EXPECT_FALSE(isCpu("cuda"));
}

TEST(OpenDevice, SaysWhyThereIsNoGpu) {
  auto device = openDevice("cuda:99");
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.status().message().find("device cuda:99: "), 0u) << device.status().message();
}

} // namespace
} // namespace weir::runtime
