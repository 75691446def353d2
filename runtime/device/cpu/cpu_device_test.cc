// The CPU as a device.  features: G5
#include "runtime/device/cpu/cpu_device.h"

#include "runtime/device/conformance/conformance.h"

namespace weir::runtime {
namespace {

void addOne(void **buffers, int64_t begin, int64_t end, void *) {
  auto *from = static_cast<const int32_t *>(buffers[0]);
  auto *to = static_cast<int32_t *>(buffers[1]);
  for (int64_t i = begin; i < end; ++i) to[i] = from[i] + 1;
}

INSTANTIATE_TEST_SUITE_P(Cpu, DeviceConformance,
                         ::testing::Values(DeviceUnderTest{.name = "cpu",
                                                           .make = [] { return makeCpuDevice(); },
                                                           .addOne = {.function = addOne,
                                                                      .entry = "addOne",
                                                                      .tasks = kAddOneElements},
                                                           .skip = ""}));

TEST(CpuDevice, HoldsBackToItsMemory) {
  auto device = makeCpuDevice("cpu:1", 1 << 20);
  auto most = device->allocate(1 << 20);
  ASSERT_TRUE(most.ok());
  auto more = device->allocate(1);
  EXPECT_EQ(more.status().message(), "cpu:1: cannot allocate 1 bytes; 0 are free");
  EXPECT_TRUE(device->release(*most).ok());
  EXPECT_TRUE(device->allocate(1).ok());
}

} // namespace
} // namespace weir::runtime
