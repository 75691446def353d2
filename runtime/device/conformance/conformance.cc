// The suite. Each test is about one promise of device.h.
#include "runtime/device/conformance/conformance.h"

#include <cstring>

namespace weir::runtime {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DeviceConformance);

#define EXPECT_OK(expression) EXPECT_EQ((expression).message(), "")

void DeviceConformance::SetUp() {
  if (!GetParam().make) GTEST_SKIP() << GetParam().skip;
  device = GetParam().make();
  ASSERT_NE(device, nullptr);
  auto loaded = device->load(GetParam().addOne);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  kernel = *loaded;
}

std::byte *DeviceConformance::allocate(int64_t size) {
  auto memory = device->allocate(size);
  EXPECT_TRUE(memory.ok()) << memory.status().message();
  return memory.ok() ? *memory : nullptr;
}
std::byte *DeviceConformance::allocateHost(int64_t size) {
  auto memory = device->allocateHost(size);
  EXPECT_TRUE(memory.ok()) << memory.status().message();
  return memory.ok() ? *memory : nullptr;
}
StreamId DeviceConformance::stream() {
  return device->createStream().value();
}
EventId DeviceConformance::event() {
  return device->createEvent().value();
}

void DeviceConformance::addOne(std::byte *from, std::byte *to, StreamId on) {
  std::vector<std::byte *> buffers{from, to};
  Grid grid{int32_t(kAddOneElements / 128), 128};
  EXPECT_OK(device->launch(kernel, grid, buffers, on));
}

int32_t DeviceConformance::element(std::byte *buffer, int64_t i, StreamId on) {
  std::byte *host = allocateHost(4);
  EXPECT_OK(device->copyToHost(host, buffer + 4 * i, 4, on));
  EXPECT_OK(device->synchronize(on));
  int32_t value;
  std::memcpy(&value, host, 4);
  EXPECT_OK(device->releaseHost(host));
  return value;
}

TEST_P(DeviceConformance, SaysWhatItIs) {
  EXPECT_FALSE(device->info().name.empty());
  EXPECT_GT(device->info().memoryBytes, 0);
  EXPECT_GT(device->info().multiprocessors, 0);
}

TEST_P(DeviceConformance, MemoryIsAlignedAndGivenBackOnce) {
  for (int64_t size : {0, 1, 1000, 1 << 20}) {
    std::byte *memory = allocate(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 256, 0u);
    EXPECT_OK(device->release(memory));
    EXPECT_FALSE(device->release(memory).ok());
  }
}

TEST_P(DeviceConformance, TooMuchMemoryIsSaidWithNumbers) {
  int64_t tooMuch = int64_t(1) << 50;
  auto memory = device->allocate(tooMuch);
  ASSERT_EQ(memory.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(memory.status().message().find(std::to_string(tooMuch)), std::string::npos)
      << memory.status().message();
  EXPECT_NE(memory.status().message().find(device->info().name), std::string::npos);
}

TEST_P(DeviceConformance, CopiesGoThereAndBack) {
  StreamId on = stream();
  std::byte *host = allocateHost(bytes), *back = allocateHost(bytes);
  std::byte *first = allocate(bytes), *second = allocate(bytes);
  for (int64_t i = 0; i < bytes; ++i) host[i] = std::byte(i * 7);
  EXPECT_OK(device->copyToDevice(first, host, bytes, on));
  EXPECT_OK(device->copyWithin(second, first, bytes, on));
  EXPECT_OK(device->fill(second + 16, 0xab, 8, on));
  EXPECT_OK(device->copyToHost(back, second, bytes, on));
  EXPECT_OK(device->synchronize(on));
  for (int64_t i = 0; i < bytes; ++i)
    EXPECT_EQ(back[i], i >= 16 && i < 24 ? std::byte(0xab) : host[i]) << i;
}

TEST_P(DeviceConformance, WorkOfAStreamRunsInItsOrder) {
  StreamId on = stream();
  std::byte *a = allocate(bytes), *b = allocate(bytes);
  EXPECT_OK(device->fill(a, 0, bytes, on));
  for (int i = 0; i < 50; ++i) {
    addOne(a, b, on);
    addOne(b, a, on);
  }
  EXPECT_EQ(element(a, 0, on), 100);
  EXPECT_EQ(element(a, kAddOneElements - 1, on), 100);
}

TEST_P(DeviceConformance, EventsOrderStreams) {
  StreamId one = stream(), two = stream();
  EventId forth = event(), back = event();
  std::byte *a = allocate(bytes), *b = allocate(bytes);
  EXPECT_OK(device->fill(a, 0, bytes, one));
  for (int i = 0; i < 20; ++i) { // Each takes the other's result: any other order is seen.
    addOne(a, b, one);
    EXPECT_OK(device->record(forth, one));
    EXPECT_OK(device->wait(two, forth));
    addOne(b, a, two);
    EXPECT_OK(device->record(back, two));
    EXPECT_OK(device->wait(one, back));
  }
  EXPECT_EQ(element(a, 5, one), 40);
}

TEST_P(DeviceConformance, AnEventNeverRecordedIsOver) {
  StreamId on = stream();
  EXPECT_OK(device->wait(on, event()));
  EXPECT_OK(device->synchronize(on));
}

TEST_P(DeviceConformance, AGraphRunsWhenItIsLaunchedNotWhenItIsCaptured) {
  StreamId one = stream(), two = stream();
  EventId fork = event(), join = event();
  std::byte *a = allocate(bytes), *b = allocate(bytes), *c = allocate(bytes);
  EXPECT_OK(device->fill(a, 0, bytes, one));
  EXPECT_OK(device->synchronize(one));
  EXPECT_OK(device->beginCapture(one));
  addOne(a, b, one);
  EXPECT_OK(device->record(fork, one));
  EXPECT_OK(device->wait(two, fork));
  addOne(b, c, two);
  EXPECT_OK(device->record(join, two));
  EXPECT_OK(device->wait(one, join));
  addOne(c, a, one);
  auto graph = device->endCapture(one);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(element(a, 3, one), 0);
  for (int i = 0; i < 5; ++i) EXPECT_OK(device->launchGraph(*graph, one));
  EXPECT_EQ(element(a, 3, one), 15);
  addOne(a, b, two); // The streams are as they were before.
  EXPECT_EQ(element(b, 3, two), 16);
}

TEST_P(DeviceConformance, WrongHandlesAndStatesAreErrors) {
  StreamId on = stream(), none = StreamId(99);
  std::byte *a = allocate(bytes);
  EXPECT_FALSE(device->synchronize(none).ok());
  EXPECT_FALSE(device->fill(a, 0, 4, StreamId(-1)).ok());
  EXPECT_FALSE(device->record(EventId(7), on).ok());
  EXPECT_FALSE(device->wait(on, EventId(7)).ok());
  EXPECT_FALSE(device->launch(KernelId(5), {}, {a, a}, on).ok());
  EXPECT_FALSE(device->launchGraph(GraphId(0), on).ok());
  EXPECT_FALSE(device->endCapture(on).ok());
  EXPECT_FALSE(device->release(a + 1).ok());
  EXPECT_FALSE(device->load({.entry = "nothing"}).ok());
}

TEST_P(DeviceConformance, TwoDevicesOfOneProcessAreApart) {
  std::unique_ptr<Device> other = GetParam().make();
  StreamId here = stream(), there = other->createStream().value();
  std::byte *a = allocate(bytes), *b = other->allocate(bytes).value();
  std::byte *between = allocateHost(bytes);
  EXPECT_OK(device->fill(a, 1, bytes, here));
  addOne(a, a, here);
  EXPECT_OK(device->copyToHost(between, a, bytes, here));
  EXPECT_OK(device->synchronize(here));
  EXPECT_OK(other->copyToDevice(b, between, bytes, there));
  EXPECT_OK(other->synchronize(there));
  EXPECT_FALSE(device->release(b).ok());
  EXPECT_EQ(element(a, 0, here), 0x01010102);
}

} // namespace weir::runtime
