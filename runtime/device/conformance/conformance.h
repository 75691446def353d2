// What every device must do, as tests over the interface alone. A device's own test instantiates
// them: INSTANTIATE_TEST_SUITE_P(Cpu, DeviceConformance, Values(...)).
#pragma once

#include "runtime/device/device.h"

#include "gtest/gtest.h"

#include <functional>
#include <ostream>

namespace weir::runtime {

/// buffers[1][i] = buffers[0][i] + 1 for this many i32.
constexpr int64_t kAddOneElements = 1024;

struct DeviceUnderTest {
  std::string name;
  std::function<std::unique_ptr<Device>()> make; // null: `skip` says why there is none
  KernelCode addOne;
  std::string skip;
};
inline void PrintTo(const DeviceUnderTest &device, std::ostream *os) {
  *os << device.name;
}

class DeviceConformance : public ::testing::TestWithParam<DeviceUnderTest> {
protected:
  void SetUp() override;

  std::byte *allocate(int64_t bytes);
  std::byte *allocateHost(int64_t bytes);
  StreamId stream();
  EventId event();
  /// Gives `stream` a kernel that adds one to all elements, from one buffer to another.
  void addOne(std::byte *from, std::byte *to, StreamId stream);
  /// Element `i` of a buffer, after all work of `stream`.
  int32_t element(std::byte *buffer, int64_t i, StreamId stream);

  static constexpr int64_t bytes = kAddOneElements * 4;
  std::unique_ptr<Device> device;
  KernelId kernel{};
};

} // namespace weir::runtime
