//===- control_flow_test.cc - ifs and loops in executables ----------------===//
// Branches, scans in both directions, slices within slices, zero trips, cancelling inside a loop.
//===----------------------------------------------------------------------===//
#include "runtime/executor/test_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

using namespace test;
using testing::ElementsAre;

TEST(ControlFlow, IfTakesOneSideAndMayLackTheOther) {
  for (bool hasElse : {true, false}) {
    Builder b;
    int32_t pred = b.input("pred", {}, DType::I1), x = b.input("x", {1}), y = b.output("y", {1});
    int32_t add = b.kernel("add", addKernel, 1);
    std::vector<Instruction> otherwise;
    if (hasElse) otherwise = {Builder::copy(x, y)};
    b.add(Builder::copy(x, y));
    b.add(Builder::branch(pred, {Builder::launch(add, {x, x, y}), Builder::launch(add, {y, x, y})},
                          otherwise));
    auto session = *b.session();
    HostTensor five = HostTensor::from<float>({1}, {5});
    EXPECT_EQ((*session->run({HostTensor::scalar(true), five}))[0].item<float>(), 15);
    EXPECT_EQ((*session->run({HostTensor::scalar(false), five}))[0].item<float>(), 5);
    EXPECT_EQ(session->counters().launches, 2);
    EXPECT_EQ(maxLaunches(b.e.instructions), 2);
  }
}

/// carry = init; for i: carry = carry + xs[i]; ys[i] = carry. Both directions give prefix sums.
Builder prefixSums(int64_t trips, bool reverse) {
  Builder b;
  b.e.numLoops = 1;
  int32_t init = b.input("init", {2}), xs = b.input("xs", {trips, 2});
  int32_t carry = b.output("carry", {2}), ys = b.output("ys", {trips, 2});
  int32_t next = b.temporary({2}), add = b.kernel("add", addKernel, 2);
  b.add(Builder::copy(init, carry));
  b.add(Builder::loop(0, trips, reverse,
                      {Builder::launch(add, {carry, b.slice(xs, 0), next}),
                       Builder::copy(next, b.slice(ys, 0)), Builder::copy(next, carry)}));
  return b;
}

TEST(ControlFlow, ScanRunsForwardsAndBackwards) {
  HostTensor init = HostTensor::from<float>({2}, {100, 0});
  HostTensor xs = HostTensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  auto forward = *prefixSums(3, false).session();
  auto backward = *prefixSums(3, true).session();
  for (int repeat = 0; repeat < 2; ++repeat) { // the slices must be back in place for a second run
    auto f = *forward->run({init, xs});
    EXPECT_THAT(f[0].data<float>(), ElementsAre(109, 12));
    EXPECT_THAT(f[1].data<float>(), ElementsAre(101, 2, 104, 6, 109, 12));
    auto r = *backward->run({init, xs});
    EXPECT_THAT(r[0].data<float>(), ElementsAre(109, 12));
    EXPECT_THAT(r[1].data<float>(), ElementsAre(109, 12, 108, 10, 105, 6));
  }
  EXPECT_EQ(forward->counters().launches, 6);
}

TEST(ControlFlow, ZeroTripsLeaveTheCarry) {
  for (bool reverse : {false, true}) {
    auto session = *prefixSums(0, reverse).session();
    auto result = *session->run(
        {HostTensor::from<float>({2}, {7, 8}), HostTensor::zeros(DType::F32, {0, 2})});
    EXPECT_THAT(result[0].data<float>(), ElementsAre(7, 8));
    EXPECT_EQ(result[1].size(), 0);
  }
}

/// out[i][j] = xs[i][j] + ys[j], the outer loop forwards, the inner one backwards, the add inside
/// an if.
Builder nested() {
  Builder b;
  b.e.numLoops = 2;
  int32_t pred = b.input("pred", {}, DType::I1);
  int32_t xs = b.input("xs", {2, 3, 1}), ys = b.input("ys", {3, 1});
  int32_t out = b.output("out", {2, 3, 1});
  int32_t x = b.slice(b.slice(xs, 0), 1), y = b.slice(ys, 1), o = b.slice(b.slice(out, 0), 1);
  Instruction add = Builder::launch(b.kernel("add", addKernel, 1), {x, y, o});
  Instruction inner =
      Builder::loop(1, 3, true, {Builder::branch(pred, {add}, {Builder::copy(x, o)})});
  b.add(Builder::loop(0, 2, false, {inner}));
  return b;
}

TEST(ControlFlow, NestedLoopsMoveSlicesOfSlices) {
  auto session = *nested().session();
  HostTensor xs = HostTensor::from<float>({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  HostTensor ys = HostTensor::from<float>({3, 1}, {10, 20, 30});
  EXPECT_THAT((*session->run({HostTensor::scalar(true), xs, ys}))[0].data<float>(),
              ElementsAre(11, 22, 33, 14, 25, 36));
  EXPECT_THAT((*session->run({HostTensor::scalar(false), xs, ys}))[0].data<float>(),
              ElementsAre(1, 2, 3, 4, 5, 6));
}

Session *current = nullptr;
int callsUntilCancel = 0;
void cancelLater(void **, int64_t, int64_t, void *) {
  if (callsUntilCancel-- == 0) current->cancel();
}

TEST(ControlFlow, ACancelledLoopDoesNotDisturbTheNextRun) {
  Builder b = prefixSums(3, true);
  b.e.instructions[1].body.push_back(Builder::launch(b.kernel("cancel", cancelLater, 1), {}));
  auto session = *b.session();
  current = session.get();
  HostTensor init = HostTensor::from<float>({2}, {100, 0});
  HostTensor xs = HostTensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  callsUntilCancel = 1;
  EXPECT_EQ(session->run({init, xs}).status().code(), absl::StatusCode::kCancelled);
  callsUntilCancel = 100;
  EXPECT_THAT((*session->run({init, xs}))[1].data<float>(), ElementsAre(109, 12, 108, 10, 105, 6));
}

TEST(ControlFlow, KernelsWithoutTasksAndEmptyCopiesAreSkipped) {
  Builder b;
  int32_t x = b.input("x", {0, 4}), y = b.output("y", {0, 4}), z = b.output("z", {0, 4});
  b.add(Builder::launch(b.kernel("never", nullptr, 0), {x, y}));
  b.e.kernels[0].function = [](void **, int64_t, int64_t, void *) { FAIL(); };
  b.add(Builder::copy(y, z));
  auto session = *b.session();
  EXPECT_EQ((*session->run({HostTensor::zeros(DType::F32, {0, 4})}))[1].size(), 0);
  EXPECT_EQ(session->counters().launches, 0);
}

} // namespace
} // namespace weir::runtime
