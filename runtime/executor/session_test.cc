//===- session_test.cc - running straight-line executables ----------------===//
// Feeds and fetches, variables and donation, failure, machine code, thread counts, tracing.
//===----------------------------------------------------------------------===//
#include "runtime/executor/test_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>

#include <xmmintrin.h>

namespace weir::runtime {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

/// sum = x + y; twice = 2 * sum + i
Builder sumAndTwice() {
  Builder b;
  int32_t x = b.input("x", {3}), y = b.input("y", {3});
  int32_t sum = b.output("sum", {3}), twice = b.output("twice", {3});
  b.add(Builder::launch(b.kernel("add", addKernel, 3), {x, y, sum}));
  b.add(Builder::launch(b.kernel("double", doubleKernel, 3), {sum, twice}));
  return b;
}

const HostTensor kX = HostTensor::from<float>({3}, {1, 2, 3});
const HostTensor kY = HostTensor::from<float>({3}, {10, 20, 30});

TEST(Session, FetchesAllOutputsOrASelectionInAnyOrder) {
  auto session = *sumAndTwice().session();
  auto all = *session->run({kX, kY});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0].data<float>(), ElementsAre(11, 22, 33));
  EXPECT_THAT(all[1].data<float>(), ElementsAre(22, 45, 68));
  auto swapped = *session->run({kX, kY}, {1, 0});
  EXPECT_THAT(swapped[0].data<float>(), ElementsAre(22, 45, 68));
  auto one = *session->run({kX, kX}, {1}); // "sum" is still computed, where nobody sees it
  ASSERT_EQ(one.size(), 1u);
  EXPECT_THAT(one[0].data<float>(), ElementsAre(4, 9, 14));
  EXPECT_THAT(all[0].data<float>(), ElementsAre(11, 22, 33)) << "an old fetch was overwritten";
  EXPECT_EQ(session->counters().runs, 3);
  EXPECT_EQ(session->counters().launches, 6);
}

TEST(Session, RefusesFeedsThatDoNotFit) {
  auto session = *sumAndTwice().session();
  auto status = session->run({kX}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "'test' needs 2 feeds, given 1");
  EXPECT_EQ(session->run({kX, HostTensor::zeros(DType::F32, {4})}).status().message(),
            "feed 'y' is f32[4], the graph needs f32[3]");
  EXPECT_EQ(session->run({kX, HostTensor::zeros(DType::F64, {3})}).status().message(),
            "feed 'y' is f64[3], the graph needs f32[3]");
  EXPECT_FALSE(session->run({kX, kY}, {2}).ok());
  EXPECT_FALSE(session->run({kX, kY}, {0, 0}).ok());
  HostTensor wrong = HostTensor::zeros(DType::I32, {3});
  EXPECT_EQ(session->runInto({kX, kY}, {&wrong, nullptr}).message(),
            "fetch 'sum' is f32[3], the tensor given for it is i32[3]");
  EXPECT_EQ(session->counters().runs, 0);
  EXPECT_TRUE(session->run({kX, kY}).ok());
}

TEST(Session, AProgramForAMeshNeedsACommunicator) {
  Builder b = sumAndTwice();
  b.e.mesh = {{"data", 2}, {"model", 2}};
  auto status = b.session().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "'test' is a program for 4 devices (data=2,model=2), but there is one device");
}

TEST(Session, RawRunBorrowsTheCallersMemory) {
  auto session = *sumAndTwice().session();
  HostTensor twice = HostTensor::zeros(DType::F32, {3});
  const void *feeds[] = {kX.raw(), kY.raw()};
  void *fetches[] = {nullptr, twice.mutableRaw()};
  ASSERT_TRUE(session->runRaw(feeds, fetches).ok());
  EXPECT_THAT(twice.data<float>(), ElementsAre(22, 45, 68));
  alignas(64) float odd[4] = {};
  feeds[1] = odd + 1;
  EXPECT_THAT(std::string(session->runRaw(feeds, fetches).message()),
              HasSubstr("feed 'y' is null or not aligned"));
  feeds[1] = kY.raw();
  fetches[0] = odd + 1;
  EXPECT_THAT(std::string(session->runRaw(feeds, fetches).message()),
              HasSubstr("fetch 'sum' is not aligned"));
}

/// w += x, in place or through a temporary and a final copy; the fetch is the old w.
Builder accumulate(bool inPlace) {
  Builder b;
  int32_t x = b.input("x", {3}), w = b.variable("w", {3}), old = b.output("old", {3});
  int32_t add = b.kernel("add", addKernel, 3);
  b.add(Builder::copy(w, old));
  if (inPlace) {
    b.add(Builder::launch(add, {w, x, w}));
  } else {
    int32_t next = b.temporary({3});
    b.add(Builder::launch(add, {w, x, next}));
    b.add(Builder::copy(next, w));
  }
  return b;
}

TEST(Session, DonatedVariablesAreUpdatedInPlaceOrByAFinalCopy) {
  for (bool inPlace : {true, false}) {
    auto session = *accumulate(inPlace).session();
    EXPECT_EQ(session->run({kX}).status().message(), "variable 'w' has no value yet");
    ASSERT_TRUE(session->setVariable("w", kY).ok());
    EXPECT_THAT((*session->run({kX}))[0].data<float>(), ElementsAre(10, 20, 30));
    EXPECT_THAT((*session->run({kX}))[0].data<float>(), ElementsAre(11, 22, 33));
    EXPECT_THAT(session->getVariable("w")->data<float>(), ElementsAre(12, 24, 36));
    EXPECT_EQ(session->getVariable("v").status().message(), "there is no variable 'v'");
    EXPECT_EQ(session->setVariable("w", HostTensor::scalar(1.f)).message(),
              "variable 'w' is f32[3], given f32[]");
  }
}

TEST(Session, SessionsOnOneStoreShareVariables) {
  auto store = std::make_shared<VariableStore>();
  auto train = *accumulate(true).session({store, nullptr});
  Builder b;
  b.add(Builder::copy(b.variable("w", {3}), b.output("w_now", {3})));
  auto evaluate = *b.session({store, nullptr});
  ASSERT_TRUE(train->setVariable("w", kY).ok());
  ASSERT_TRUE(train->run({kX}).ok());
  EXPECT_THAT((*evaluate->run({}))[0].data<float>(), ElementsAre(11, 22, 33));
  Builder other;
  other.variable("w", {4});
  EXPECT_EQ(other.session({store, nullptr}).status().message(),
            "variable 'w' is f32[3], here it is f32[4]");
}

Session *sessionToCancel = nullptr;
void cancelKernel(void **, int64_t, int64_t, void *) {
  sessionToCancel->cancel();
}

TEST(Session, AFailedRunPoisonsItsVariablesUntilTheyAreSetAgain) {
  Builder b = accumulate(true);
  b.add(Builder::launch(b.kernel("cancel", cancelKernel, 1), {}));
  b.add(Builder::launch(0, {b.e.instructions[1].buffers}));
  auto session = *b.session();
  sessionToCancel = session.get();
  ASSERT_TRUE(session->setVariable("w", kY).ok());
  EXPECT_EQ(session->run({kX}).status().code(), absl::StatusCode::kCancelled);
  auto status = session->run({kX}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "variable 'w' lost its value when a run failed (it was cancelled); "
                              "set it again or restore a checkpoint");
  EXPECT_FALSE(session->getVariable("w").ok());
  ASSERT_TRUE(session->setVariable("w", kY).ok());
  EXPECT_TRUE(session->getVariable("w").ok());
  EXPECT_EQ(session->counters().runs, 0);
}

void reenterKernel(void **b, int64_t, int64_t, void *) {
  f32(b[0])[0] = float(sessionToCancel->run({}).status().code());
}

TEST(Session, ASecondRunAtTheSameTimeIsRefused) {
  Builder b;
  int32_t code = b.output("code", {});
  b.add(Builder::launch(b.kernel("reenter", reenterKernel, 1), {code}));
  auto session = *b.session();
  sessionToCancel = session.get();
  EXPECT_EQ((*session->run({}))[0].item<float>(), float(absl::StatusCode::kFailedPrecondition));
}

TEST(Session, RunsMachineCodeFromTheImage) {
#if defined(__x86_64__)
  Builder b;
  int32_t x = b.input("x", {}, DType::I32);
  b.e.outputs.push_back({"y", DType::I32, {}});
  int32_t y = b.buffer(Space::Output, 0, 0, {}, {}, DType::I32);
  // mov rax,[rdi]; mov rcx,[rdi+8]; mov edx,[rax]; inc edx; mov [rcx],edx; ret
  b.e.image = {0xcc, 0x48, 0x8b, 0x07, 0x48, 0x8b, 0x4f, 0x08,
               0x8b, 0x10, 0xff, 0xc2, 0x89, 0x11, 0xc3};
  int32_t kernel = b.kernel("increment", nullptr, 1);
  b.e.kernels[kernel].codeOffset = 1;
  b.add(Builder::launch(kernel, {x, y}));
  auto session = *b.session();
  EXPECT_EQ((*session->run({HostTensor::scalar(int32_t(41))}))[0].item<int32_t>(), 42);
#endif
}

/// Each task writes its number through the thread's scratch, which must not be shared.
void scratchKernel(void **b, int64_t begin, int64_t end, void *scratch) {
  auto *own = static_cast<int64_t *>(scratch);
  for (int64_t i = begin; i < end; ++i) {
    for (int j = 0; j < 8; ++j) own[j] = i + j;
    int64_t sum = 0;
    for (int j = 0; j < 8; ++j) sum += own[j];
    f32(b[0])[i] = std::sqrt(float(sum));
  }
}

// features: G3 X10
TEST(Session, BitsDoNotDependOnTheThreadCount) {
  const int64_t n = 100003;
  Builder b;
  int32_t a = b.temporary({n}), out = b.output("out", {n});
  b.add(Builder::launch(b.kernel("scratch", scratchKernel, n, 1 << 24, 64), {a}));
  b.add(Builder::launch(b.kernel("double", doubleKernel, n, 1 << 24), {a, out}));
  auto one = *b.session({nullptr, poolOf(1)}), many = *b.session({nullptr, poolOf(64)});
  HostTensor expected = (*one->run({}))[0];
  for (int i = 0; i < 20; ++i) EXPECT_TRUE((*many->run({}))[0] == expected);
}

/// Tells whether denormals survive: x / 2 twice.
void denormalKernel(void **b, int64_t begin, int64_t end, void *) {
  for (int64_t i = begin; i < end; ++i) {
    volatile float x = f32(b[0])[i];
    f32(b[1])[i] = x / 2;
  }
}

TEST(Session, KernelsRunInTheDefaultFloatEnvironment) {
  Builder b;
  int32_t x = b.input("x", {}), y = b.output("y", {});
  b.add(Builder::launch(b.kernel("half", denormalKernel, 1), {x, y}));
  auto session = *b.session();
  HostTensor tiny = HostTensor::scalar(1.2e-38f);
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040); // flush to zero, denormals are zero
  auto result = session->run({tiny});
  unsigned during = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_GT((*result)[0].item<float>(), 0.f);
  EXPECT_EQ(during & 0x8040, 0x8040u) << "the caller's environment was not restored";
}

TEST(Session, TracesLaunchesAsChromeJson) {
  Builder b = sumAndTwice();
  b.e.instructions[1].locations = {{"train.cc", 42}};
  auto session = *b.session();
  TraceRecorder recorder;
  session->setTrace(&recorder);
  ASSERT_TRUE(session->run({kX, kY}).ok());
  session->setTrace(nullptr);
  ASSERT_TRUE(session->run({kX, kY}).ok());
  session.reset();
  auto json = nlohmann::json::parse(chromeTrace(recorder));
  ASSERT_EQ(json["traceEvents"].size(), 2u);
  const auto &first = json["traceEvents"][0], &second = json["traceEvents"][1];
  EXPECT_EQ(first["name"], "add");
  EXPECT_EQ(second["args"]["location"], "train.cc:42");
  EXPECT_LE(first["ts"].get<double>() + first["dur"].get<double>(), second["ts"].get<double>());
  TraceRecorder small(1);
  small.record(recorder.events()[0]);
  small.record(recorder.events()[0]);
  EXPECT_EQ(small.dropped(), 1);
}

TEST(Session, StatesItsMemory) {
  Builder b = accumulate(false);
  b.kernel("scratch", scratchKernel, 1, 0, 100);
  auto session = *b.session({nullptr, poolOf(1)});
  MemoryStatement memory = session->memory();
  EXPECT_EQ(memory.arenaBytes, 64);
  EXPECT_EQ(memory.scratchBytes, 128);
  EXPECT_EQ(memory.variableBytes, 64);
  EXPECT_EQ(memory.peakBytes(), 64 + 128 + 64 + 64 + 64);
}

} // namespace
} // namespace weir::runtime
