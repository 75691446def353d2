// The CUDA device over a double of libcuda, and on a GPU where there is one.  features: G5 G6
#include "runtime/device/cuda/cuda_device.h"

#include "runtime/device/conformance/conformance.h"
#include "runtime/device/cuda/recording_driver.h"

#include <algorithm>

namespace weir::runtime::cuda {
namespace {

TEST(CudaDriver, SaysWhyThereIsNone) {
  auto table = driver();
  if (table.ok()) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_EQ(deviceCount(), 0);
  auto device = openDevice(0);
  EXPECT_EQ(device.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(device.status().message(), table.status().message());
#if WEIR_HAVE_CUDA
  EXPECT_NE(table.status().message().find("NVIDIA driver"), std::string::npos);
#else
  EXPECT_NE(table.status().message().find("tools/setup --cuda"), std::string::npos);
#endif
}

#if WEIR_HAVE_CUDA

TEST(CudaDriver, NamesAFunctionThatAnOldDriverLacks) {
  auto none = loadDriver("/nowhere/libcuda.so.1");
  EXPECT_NE(none.status().message().find("/nowhere/libcuda.so.1"), std::string::npos);
  auto wrong = loadDriver("libm.so.6");
  EXPECT_NE(wrong.status().message().find("too old: libm.so.6 has no function cuInit"),
            std::string::npos)
      << wrong.status().message();
}

RecordingDriver::Options options() {
  RecordingDriver::Options options;
  options.kernels["addOne"] = {2, [](void **buffers, const Grid &) {
                                 auto *from = static_cast<const int32_t *>(buffers[0]);
                                 auto *to = static_cast<int32_t *>(buffers[1]);
                                 for (int i = 0; i < kAddOneElements; ++i) to[i] = from[i] + 1;
                               }};
  return options;
}

const char *const kAddOnePtx = R"(
.version 7.5
.target sm_80
.address_size 64
.visible .entry addOne(.param .u64 from, .param .u64 to) {
  .reg .b32 %r<6>;
  .reg .b64 %rd<6>;
  ld.param.u64 %rd1, [from];
  ld.param.u64 %rd2, [to];
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  mul.wide.s32 %rd3, %r4, 4;
  add.s64 %rd1, %rd1, %rd3;
  add.s64 %rd2, %rd2, %rd3;
  ld.global.u32 %r5, [%rd1];
  add.s32 %r5, %r5, 1;
  st.global.u32 [%rd2], %r5;
  ret;
})";

std::shared_ptr<const void> addOneModule() {
  static const auto module = std::make_shared<const std::string>(kAddOnePtx);
  return {module, module->c_str()};
}

/// The double lives as long as the test program.
const DriverTable &doubled() {
  static RecordingDriver recording(options());
  return recording.table();
}

DeviceUnderTest onDouble() {
  return {.name = "double",
          .make = [] { return openDevice(doubled(), 0).value(); },
          .addOne = {.module = addOneModule(), .entry = "addOne"},
          .skip = ""};
}

DeviceUnderTest onGpu() {
  DeviceUnderTest device = onDouble();
  device.name = "gpu";
  device.make = nullptr;
  if (auto table = driver(); table.ok())
    device.make = [] { return openDevice(0).value(); };
  else
    device.skip = std::string(table.status().message());
  return device;
}

INSTANTIATE_TEST_SUITE_P(CudaDouble, DeviceConformance, ::testing::Values(onDouble()));
INSTANTIATE_TEST_SUITE_P(Gpu, DeviceConformance, ::testing::Values(onGpu()));

// What is called, and what is said when it fails.
class CudaDeviceCalls : public ::testing::Test {
protected:
  RecordingDriver recording{options()};
};

TEST_F(CudaDeviceCalls, AStepIsOneGraphLaunch) {
  auto device = openDevice(recording.table(), 0).value();
  StreamId stream = device->createStream().value();
  std::byte *a = device->allocate(4096).value(), *b = device->allocate(4096).value();
  KernelId kernel = device->load({.module = addOneModule(), .entry = "addOne"}).value();
  ASSERT_TRUE(device->beginCapture(stream).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(device->launch(kernel, {}, {a, b}, stream).ok());
  GraphId graph = device->endCapture(stream).value();
  recording.calls.clear();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(device->launchGraph(graph, stream).ok());
  ASSERT_TRUE(device->synchronize(stream).ok());
  EXPECT_EQ(recording.calls,
            (std::vector<std::string>{"cuGraphLaunch", "cuGraphLaunch", "cuStreamSynchronize"}));
}

TEST_F(CudaDeviceCalls, AModuleIsLoadedOnce) {
  auto device = openDevice(recording.table(), 0).value();
  KernelCode code{.module = addOneModule(), .entry = "addOne"};
  ASSERT_TRUE(device->load(code).ok());
  ASSERT_TRUE(device->load(code).ok());
  EXPECT_EQ(std::count(recording.calls.begin(), recording.calls.end(), "cuModuleLoadData"), 1);
}

TEST_F(CudaDeviceCalls, FailuresNameTheDeviceTheCallAndTheError) {
  auto device = openDevice(recording.table(), 1).value();
  StreamId stream = device->createStream().value();
  recording.failNext("cuStreamSynchronize", CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(device->synchronize(stream).message(),
            "cuda:1: cuStreamSynchronize: as the double was told (CUDA_ERROR_ILLEGAL_ADDRESS)");
  auto memory = device->allocate(int64_t(1) << 40);
  EXPECT_EQ(memory.status().message(),
            "cuda:1: cannot allocate 1099511627776 bytes; 1073741824 are free");
}

TEST_F(CudaDeviceCalls, ACaptureThatIsNotJoinedIsAnError) {
  auto device = openDevice(recording.table(), 0).value();
  StreamId one = device->createStream().value(), two = device->createStream().value();
  EventId fork = device->createEvent().value();
  std::byte *a = device->allocate(64).value();
  ASSERT_TRUE(device->beginCapture(one).ok());
  ASSERT_TRUE(device->fill(a, 1, 64, one).ok());
  ASSERT_TRUE(device->record(fork, one).ok());
  ASSERT_TRUE(device->wait(two, fork).ok());
  ASSERT_TRUE(device->fill(a, 2, 64, two).ok());
  EXPECT_FALSE(device->endCapture(one).ok());
}

TEST_F(CudaDeviceCalls, GivesBackAllThatItTook) {
  {
    auto device = openDevice(recording.table(), 0).value();
    for (int i = 0; i < 3; ++i) {
      device->allocate(100).value();
      device->allocateHost(100).value();
      device->createStream().value();
      device->createEvent().value();
    }
    device->load({.module = addOneModule(), .entry = "addOne"}).value();
  }
  auto count = [&](const char *name) {
    return std::count(recording.calls.begin(), recording.calls.end(), name);
  };
  EXPECT_EQ(count("cuMemFree"), 3);
  EXPECT_EQ(count("cuMemFreeHost"), 3);
  EXPECT_EQ(count("cuStreamDestroy"), 3);
  EXPECT_EQ(count("cuEventDestroy"), 3);
  EXPECT_EQ(count("cuModuleUnload"), 1);
  EXPECT_EQ(count("cuDevicePrimaryCtxRelease"), 1);
}

TEST(CudaDeviceRefused, SaysWhatIsThere) {
  RecordingDriver::Options old = options();
  old.major = 7;
  RecordingDriver recording(old);
  EXPECT_EQ(openDevice(recording.table(), 2).status().message(), "no GPU 2; there are 2");
  EXPECT_EQ(openDevice(recording.table(), 0).status().message(),
            "GPU 0, Double of a GPU, is sm_70; sm_80 is needed");
}

#endif

} // namespace
} // namespace weir::runtime::cuda
