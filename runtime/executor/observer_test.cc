//===- observer_test.cc - runs that someone watches -----------------------===//
// What an observer sees in loops, that a stopped run changes no variable, and the scan for values
// that are not finite.  features: X8
//===----------------------------------------------------------------------===//
#include "runtime/executor/observer.h"

#include "runtime/executor/test_kernels.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace weir::runtime {
namespace {

using namespace test;
using testing::ElementsAre;

/// Notes the trips of every launch, and stops after `launchesUntilStop` of them.
class Recorder : public LaunchObserver {
public:
  bool begin(const Bases &) override { return true; }
  void before(const LaunchView &launch) override { trips.push_back(launch.trips()); }
  bool after(const LaunchView &) override { return --launchesUntilStop > 0; }
  bool end(const Bases &) override { return accepts; }

  std::vector<std::vector<int64_t>> trips; // innermost first
  int launchesUntilStop = 1000;
  bool accepts = true;
};

TEST(Observer, SeesTheTripsOfNestedLoops) {
  Builder b;
  b.e.numLoops = 2;
  int32_t xs = b.input("xs", {2, 3, 1}), out = b.output("out", {2, 3, 1});
  int32_t twice = b.kernel("double", doubleKernel, 1);
  Instruction inner = Builder::loop(
      1, 3, true,
      {Builder::launch(twice, {b.slice(b.slice(xs, 0), 1), b.slice(b.slice(out, 0), 1)})});
  b.add(Builder::loop(0, 2, false, {inner}));
  auto session = *b.session();
  Recorder recorder;
  session->setObserver(&recorder);
  ASSERT_TRUE(session->run({HostTensor::zeros(DType::F32, {2, 3, 1})}).ok());
  EXPECT_THAT(recorder.trips, ElementsAre(ElementsAre(0, 0), ElementsAre(1, 0), ElementsAre(2, 0),
                                          ElementsAre(0, 1), ElementsAre(1, 1), ElementsAre(2, 1)));
}

/// b[1] = b[0] < 3
void belowThree(void **b, int64_t, int64_t, void *) {
  *static_cast<uint8_t *>(b[1]) = f32(b[0])[0] < 3;
}

TEST(Observer, CountsTheTripsOfWhileLoops) {
  Builder b;
  int32_t one = b.input("one", {1}), n = b.output("n", {1});
  int32_t pred = b.buffer(Space::Arena, 0, 0, {}, {}, DType::I1);
  b.e.arenaBytes = 128;
  int32_t add = b.kernel("add", addKernel, 1), below = b.kernel("below", belowThree, 1);
  b.add(Builder::copy(one, n));
  Instruction loop;
  loop.kind = Instruction::Kind::While;
  loop.buffers = {pred};
  loop.condition = {Builder::launch(below, {n, pred})};
  loop.body = {Builder::launch(add, {n, one, n})};
  b.add(loop);
  auto session = *b.session();
  Recorder recorder;
  session->setObserver(&recorder);
  for (int repeat = 0; repeat < 2; ++repeat) {
    recorder.trips.clear();
    ASSERT_TRUE(session->run({HostTensor::from<float>({1}, {1})}).ok());
    EXPECT_THAT(recorder.trips, ElementsAre(ElementsAre(0), ElementsAre(0), ElementsAre(1),
                                            ElementsAre(1), ElementsAre(2)));
  }
}

TEST(Observer, AStoppedRunChangesNoVariable) {
  Builder b;
  int32_t x = b.input("x", {2}), w = b.variable("w", {2});
  int32_t add = b.kernel("add", addKernel, 2);
  b.add(Builder::launch(add, {x, w, w}));
  b.add(Builder::launch(add, {x, w, w}));
  auto session = *b.session();
  const HostTensor before = HostTensor::from<float>({2}, {1, 2}),
                   one = HostTensor::from<float>({2}, {1, 1});
  ASSERT_TRUE(session->setVariable("w", before).ok());
  Recorder recorder;
  session->setObserver(&recorder);
  recorder.launchesUntilStop = 1;
  EXPECT_EQ(session->run({one}).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(*session->getVariable("w"), before);
  recorder.launchesUntilStop = 1000;
  recorder.accepts = false;
  EXPECT_EQ(session->run({one}).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(*session->getVariable("w"), before);
  EXPECT_EQ(session->counters().runs, 0);
  recorder.accepts = true;
  ASSERT_TRUE(session->run({one}).ok());
  EXPECT_THAT(session->getVariable("w")->data<float>(), ElementsAre(3, 4));
}

TEST(Observer, FindsWhatIsNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  for (DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64}) {
    auto find = [&](const std::vector<double> &values) {
      HostTensor t =
          HostTensor::from<double>({static_cast<int64_t>(values.size())}, values).cast(dtype);
      NonFinite found = findNonFinite(dtype, t.raw(), t.size());
      return std::string(found.nan ? "nan" : "") + (found.infinity ? "inf" : "");
    };
    EXPECT_EQ(find({}), "");
    EXPECT_EQ(find({1, -2, 0, 65504}), "");
    EXPECT_EQ(find({1, -infinity, 3}), "inf");
    EXPECT_EQ(find({nan, 1}), "nan");
    EXPECT_EQ(find({-nan, 1, infinity}), "naninf");
  }
  const HostTensor bits = HostTensor::from<int32_t>({1}, {0x7f800000});
  EXPECT_FALSE(findNonFinite(DType::I32, bits.raw(), 1).any());
}

} // namespace
} // namespace weir::runtime
