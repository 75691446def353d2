// Executables on the CPU as a device and on a double of a GPU give what the CPU's session gives; a
// step without host control flow is one graph launch.  features: G6
#include "runtime/device/session/device_session.h"

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/cuda/recording_driver.h"
#include "runtime/executor/test_kernels.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace weir::runtime {
namespace {

using namespace test;
using ::testing::ElementsAre;

std::unique_ptr<DeviceSession> onCpu(const Builder &b) {
  std::shared_ptr<Device> device = makeCpuDevice();
  auto session = DeviceSession::create(std::make_shared<Executable>(b.e), device);
  EXPECT_TRUE(session.ok()) << session.status().message();
  return std::move(*session);
}

/// y = (x + w) doubled; w becomes that.
Builder step() {
  Builder b;
  int32_t x = b.input("x", {3}), y = b.output("y", {3}), w = b.variable("w", {3});
  int32_t sum = b.temporary({3});
  int32_t add = b.kernel("add", addKernel, 3), twice = b.kernel("twice", doubleKernel, 3);
  b.add(Builder::launch(add, {x, w, sum}));
  b.add(Builder::launch(twice, {sum, y}));
  b.add(Builder::copy(y, w));
  return b;
}

const HostTensor kX = HostTensor::from<float>({3}, {1, 2, 3});
const HostTensor kW = HostTensor::from<float>({3}, {10, 20, 30});

void expectSteps(DeviceSession &session) {
  EXPECT_EQ(session.run({kX}).status().message(), "variable 'w' has no value");
  ASSERT_TRUE(session.setVariable("w", kW).ok());
  EXPECT_THAT((*session.run({kX}))[0].data<float>(), ElementsAre(22, 45, 68));
  EXPECT_THAT((*session.run({kX}))[0].data<float>(), ElementsAre(46, 95, 144));
  EXPECT_THAT(session.getVariable("w")->data<float>(), ElementsAre(46, 95, 144));
  EXPECT_EQ(session.counters().launches, 2); // captured, once
  EXPECT_EQ(session.counters().graphLaunches, 2);
}

TEST(DeviceSession, AStepIsOneGraph) {
  expectSteps(*onCpu(step()));
}

TEST(DeviceSession, RefusesWhatTheExecutableDoesNotSay) {
  auto session = onCpu(step());
  EXPECT_EQ(session->run({}).status().message(), "test takes 1 feeds, not 0");
  EXPECT_EQ(session->run({HostTensor::from<float>({2}, {1, 2})}).status().message(),
            "feed 'x' is f32[3], not f32[2]");
  EXPECT_EQ(session->setVariable("v", kW).message(), "no variable 'v'");
  EXPECT_EQ(session->setVariable("w", HostTensor::scalar(1.0f)).message(),
            "variable 'w' is f32[3], not f32[]");
}

TEST(DeviceSession, SaysWhatMemoryItNeedsBeforeTheRun) {
  Builder b = step();
  std::shared_ptr<Device> small = makeCpuDevice("cpu:1", 512);
  auto session = DeviceSession::create(std::make_shared<Executable>(b.e), small);
  EXPECT_EQ(session.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(session.status().message(),
            "test needs 1024 bytes (arena 64, variables 256, constants 0, inputs 256, outputs 256, "
            "scratch 0): cpu:1: cannot allocate 1024 bytes; 512 are free");
}

/// carry = init; for i: carry = carry + xs[i]; ys[i] = carry; if pred: twice.
Builder loops(bool reverse) {
  Builder b;
  b.e.numLoops = 1;
  int32_t pred = b.input("pred", {}, DType::I1);
  int32_t init = b.input("init", {2}), xs = b.input("xs", {3, 2});
  int32_t carry = b.temporary({2}), next = b.temporary({2}), ys = b.output("ys", {3, 2});
  int32_t last = b.output("last", {2});
  int32_t add = b.kernel("add", addKernel, 2), twice = b.kernel("twice", doubleKernel, 2);
  b.add(Builder::copy(init, carry));
  b.add(Builder::loop(0, 3, reverse,
                      {Builder::launch(add, {carry, b.slice(xs, 0), next}),
                       Builder::copy(next, b.slice(ys, 0)), Builder::copy(next, carry)}));
  b.add(
      Builder::branch(pred, {Builder::launch(twice, {carry, last})}, {Builder::copy(carry, last)}));
  return b;
}

TEST(DeviceSession, ControlFlowIsWhatTheCpuSessionDoes) {
  for (bool reverse : {false, true})
    for (bool pred : {false, true}) {
      Builder b = loops(reverse);
      std::vector<HostTensor> feeds{HostTensor::scalar(pred),
                                    HostTensor::from<float>({2}, {100, 0}),
                                    HostTensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6})};
      auto expected = *(*b.session())->run(feeds);
      auto session = onCpu(b);
      for (int repeat = 0; repeat < 2; ++repeat) EXPECT_EQ(*session->run(feeds), expected);
      EXPECT_EQ(session->counters().graphLaunches, 2); // what comes before the if, in each run
    }
}

/// n = 0; do n = n + 1 until the flag, which the second of `flags` leaves after `trips` trips.
Builder whileLoop() {
  Builder b;
  int32_t more = b.temporary({}), one = b.input("one", {2}), n = b.output("n", {2});
  b.e.buffers[size_t(more)].dtype = DType::I1;
  b.e.buffers[size_t(more)].bytes = 1;
  int32_t sum = b.temporary({2});
  int32_t add = b.kernel("add", addKernel, 2);
  int32_t below = b.kernel(
      "below",
      [](void **buffers, int64_t, int64_t, void *) {
        *static_cast<bool *>(buffers[1]) = f32(buffers[0])[0] < 5;
      },
      1);
  Instruction loop;
  loop.kind = Instruction::Kind::While;
  loop.buffers = {more};
  loop.condition = {Builder::launch(below, {n, more})};
  loop.body = {Builder::launch(add, {n, one, sum}), Builder::copy(sum, n)};
  b.add(Builder::copy(one, n));
  b.add(std::move(loop));
  return b;
}

TEST(DeviceSession, TheBodyOfAWhileIsCapturedOnce) {
  auto session = onCpu(whileLoop());
  auto result = session->run({HostTensor::from<float>({2}, {1, 10})});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_THAT((*result)[0].data<float>(), ElementsAre(5, 50));
  EXPECT_EQ(session->counters().graphLaunches, 4);
  EXPECT_EQ(session->counters().launches, 1 + 5); // the body's once, the condition's each time
}

TEST(DeviceSession, FetchesWhatIsAskedFor) {
  Builder b = loops(/*reverse=*/false);
  std::vector<HostTensor> feeds{HostTensor::scalar(true), HostTensor::from<float>({2}, {100, 0}),
                                HostTensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6})};
  auto session = onCpu(b);
  auto all = *session->run(feeds);
  EXPECT_EQ(*session->run(feeds, {1}), (std::vector<HostTensor>{all[1]}));
  EXPECT_EQ(session->run(feeds, {2}).status().message(), "output 2 of 2 is asked for");
}

// Which instructions become one graph.
TEST(Stretches, AreCutAtWhatTheHostDecides) {
  Builder b = loops(/*reverse=*/false);
  std::vector<Stretch> stretches = stretchesOf(b.e.instructions, b.e.buffers);
  ASSERT_EQ(stretches.size(), 2u);
  EXPECT_EQ(stretches[0].straight.size(), 2u);
  EXPECT_TRUE(stretches[0].isGraph);
  EXPECT_EQ(stretches[1].control, &b.e.instructions[2]);
  EXPECT_FALSE(stretches[1].body[0].isGraph); // one node
}

TEST(Stretches, OfALoopThatMovesTheirBuffersAreNoGraphs) {
  Builder b = loops(/*reverse=*/false);
  Instruction &loop = b.e.instructions[1];
  loop.body.push_back(b.e.instructions[2]); // The if: the host goes round the loop.
  std::vector<Stretch> stretches = stretchesOf(b.e.instructions, b.e.buffers);
  ASSERT_EQ(stretches.size(), 3u);
  EXPECT_EQ(stretches[1].control, &loop);
  EXPECT_FALSE(stretches[1].body[0].isGraph);
  loop.body.pop_back();
  loop.trips = int64_t(1) << 40; // Too long to unroll.
  stretches = stretchesOf(b.e.instructions, b.e.buffers);
  EXPECT_EQ(stretches[1].control, &loop);
}

/// y = 2(x + x) + 2(x + x)', where the two halves do not depend on each other.
Builder diamond() {
  Builder b;
  int32_t x = b.input("x", {3}), y = b.output("y", {3});
  int32_t sum = b.temporary({3}), left = b.temporary({3}), right = b.temporary({3});
  int32_t add = b.kernel("add", addKernel, 3), twice = b.kernel("twice", doubleKernel, 3);
  auto after = [&](Instruction instruction, std::vector<int32_t> deps) {
    instruction.deps = std::move(deps);
    b.add(std::move(instruction));
  };
  after(Builder::launch(add, {x, x, sum}), {});
  after(Builder::launch(twice, {sum, left}), {0});
  after(Builder::launch(twice, {sum, right}), {0});
  after(Builder::launch(add, {left, right, y}), {1, 2});
  return b;
}

// Which stream an instruction goes to, and what it waits for there.
TEST(Lanes, KeepDependencesAndNothingElse) {
  const std::vector<Instruction> list = diamond().e.instructions;
  const auto none = [](const Instruction &) { return false; };
  std::vector<Lane> lanes = lanesOf(list, 0, 4, none);
  EXPECT_EQ(lanes[1].stream, lanes[0].stream);
  EXPECT_NE(lanes[2].stream, lanes[0].stream);
  EXPECT_THAT(lanes[2].waits, ElementsAre(0));
  EXPECT_EQ(lanes[3].stream, lanes[2].stream);
  EXPECT_THAT(lanes[3].waits, ElementsAre(1));
  EXPECT_TRUE(lanes[1].isAwaited);
  EXPECT_FALSE(lanes[2].isAwaited);

  lanes = lanesOf(std::span(list).subspan(1), 1, 4, none); // the first is over
  EXPECT_TRUE(lanes[1].waits.empty());
  for (const Lane &lane : lanesOf(list, 0, 4, [](const Instruction &) { return true; }))
    EXPECT_EQ(lane.stream, 0);
  std::vector<Instruction> untold = list;
  for (Instruction &instruction : untold) instruction.deps.clear();
  for (const Lane &lane : lanesOf(untold, 0, 4, none)) EXPECT_EQ(lane.stream, 0);
}

TEST(DeviceSession, BranchesOfAGraphAreGivenToSeveralStreams) {
  auto session = onCpu(diamond());
  for (int repeat = 0; repeat < 2; ++repeat)
    EXPECT_THAT((*session->run({kX}))[0].data<float>(), ElementsAre(8, 18, 28));
  EXPECT_EQ(session->counters().graphLaunches, 2);
}

// What a device gets of an executable for GPUs.
TEST(DeviceKernels, AreTheCubinOfTheProcessorOrOfAnEarlierOneElsePtx) {
  Executable e;
  e.name = "test";
  auto formFor = [&](const std::string &architecture) {
    const GpuModule *module = moduleFor(e, architecture);
    return module ? module->form : "none";
  };
  e.modules = {{"ptx", 0, 1}, {"sm_80", 1, 1}, {"sm_86", 2, 1}, {"sm_90", 3, 1}};
  EXPECT_EQ(formFor("sm_90"), "sm_90");
  EXPECT_EQ(formFor("sm_89"), "sm_86");
  EXPECT_EQ(formFor("sm_80"), "sm_80");
  EXPECT_EQ(formFor("sm_100"), "ptx");
  EXPECT_EQ(formFor("x86-64"), "none");
  e.modules = {{"sm_80", 0, 1}};
  EXPECT_EQ(formFor("sm_90"), "none");
  e.image = {0};
  auto session = DeviceSession::create(std::make_shared<Executable>(e), makeCpuDevice());
  EXPECT_EQ(session.status().message(), "'test' is compiled for GPUs (sm_80), and cpu is x86-64");
}

#if WEIR_HAVE_CUDA

std::map<std::string, cuda::RecordingDriver::Kernel> kernelDoubles() {
  return {
      {"add", {4, [](void **buffers, const Grid &) { addKernel(buffers, 0, 3, nullptr); }}},
      {"twice", {3, [](void **buffers, const Grid &) { doubleKernel(buffers, 0, 3, nullptr); }}}};
}

Builder forGpu(Builder b) {
  b.e.image = {0};
  b.e.modules = {{"ptx", 0, 1}};
  for (Kernel &kernel : b.e.kernels) {
    kernel.entry = kernel.name;
    kernel.blocks = 1;
    kernel.threadsPerBlock = 128;
  }
  return b;
}

/// The double runs the last node that may run: one that did not wait would read what is not there.
TEST(DeviceSession, AGraphOnADoubleHasTheDependencesOfTheSchedule) {
  cuda::RecordingDriver::Options options;
  options.kernels = kernelDoubles();
  cuda::RecordingDriver driver(options);
  std::shared_ptr<Device> device = cuda::openDevice(driver.table(), 0).value();
  for (bool isTold : {true, false}) {
    Builder b = forGpu(diamond());
    if (!isTold) b.e.instructions[3].deps = {2};
    driver.calls.clear();
    auto session = DeviceSession::create(std::make_shared<Executable>(b.e), device);
    ASSERT_TRUE(session.ok()) << session.status().message();
    auto got = (*session)->run({kX});
    ASSERT_TRUE(got.ok()) << got.status().message();
    EXPECT_EQ((*got)[0].data<float>()[2] == 28, isTold);
    EXPECT_GE(std::count(driver.calls.begin(), driver.calls.end(), "cuStreamWaitEvent"), 2);
  }
}

TEST(DeviceSession, OnADoubleOfAGpu) {
  cuda::RecordingDriver::Options options;
  options.kernels = kernelDoubles();
  cuda::RecordingDriver driver(options);
  std::shared_ptr<Device> device = cuda::openDevice(driver.table(), 0).value();
  Builder b = forGpu(step());
  b.e.kernels[0].scratchBytesPerThread = 8;
  auto session = DeviceSession::create(std::make_shared<Executable>(b.e), device);
  ASSERT_TRUE(session.ok()) << session.status().message();
  expectSteps(**session);
  EXPECT_EQ(std::count(driver.calls.begin(), driver.calls.end(), "cuMemAlloc"), 1);
  driver.calls.clear();
  ASSERT_TRUE((*session)->run({kX}).ok());
  EXPECT_THAT(driver.calls, ElementsAre("cuMemcpyHtoDAsync", "cuGraphLaunch", "cuMemcpyDtoHAsync",
                                        "cuStreamSynchronize"));
  driver.failNext("cuGraphLaunch", CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_FALSE((*session)->run({kX}).ok());
  EXPECT_EQ((*session)->getVariable("w").status().message(), "variable 'w' has no value");
}

#endif

} // namespace
} // namespace weir::runtime
