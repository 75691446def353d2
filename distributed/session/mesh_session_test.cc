// Programs for a mesh, written by hand: whole tensors go in and come out, devices hold pieces, and
// one that fails ends the run of all.  features: C4
#include "distributed/session/mesh_trace.h"

#include "runtime/executor/test_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <thread>

namespace weir::distributed {
namespace {

using namespace runtime::test;
using runtime::CollectiveKind;
using runtime::DType;
using runtime::HostTensor;
using runtime::Instruction;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Mesh kMesh = *parseMesh("a=2");

Instruction collective(CollectiveKind kind, int32_t from, int32_t to) {
  Instruction instruction;
  instruction.kind = Instruction::Kind::Collective;
  instruction.collective = kind;
  instruction.axes = {0};
  instruction.buffers = {from, to};
  return instruction;
}

HostTensor tensor(const std::vector<float> &values) {
  return HostTensor::from<float>({static_cast<int64_t>(values.size())}, values);
}

/// x [5] in pieces of 3; w [5] += x, in pieces; sum = the pieces of x added; all = x, gathered.
Builder example() {
  Builder b;
  b.e.mesh = {{"a", 2}};
  int32_t x = b.input("x", {3}), w = b.variable("w", {3}), sum = b.output("sum", {3}),
          all = b.output("all", {6}), index = b.output("index", {1});
  b.e.inputs[0].whole = {{5}, "[{a}]"};
  b.e.variables[0].whole = {{5}, "[{a}]"};
  b.e.outputs[0].whole = {{3}, "[{}]"};
  b.e.outputs[1].whole = {{6}, "[{}]"};
  b.e.outputs[2].whole = {{2}, "[{a}]"};
  b.e.outputs[2].dtype = b.e.buffers[size_t(index)].dtype = DType::I32;
  Instruction position;
  position.kind = Instruction::Kind::AxisIndex;
  position.axes = {0};
  position.buffers = {index};
  b.add(Builder::launch(b.kernel("add", addKernel, 3), {x, w, w}));
  b.add(collective(CollectiveKind::AllReduce, x, sum));
  b.add(collective(CollectiveKind::AllGather, x, all));
  b.add(position);
  return b;
}

std::unique_ptr<MeshSession> sessionOf(const Builder &b, std::shared_ptr<MeshState> state) {
  auto session = MeshSession::create(std::make_shared<runtime::Executable>(b.e), std::move(state));
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

TEST(MeshSession, TakesAndGivesWholeTensors) {
  auto session = sessionOf(example(), MeshState::inProcess(kMesh, 2));
  EXPECT_THAT(std::string(session->run({tensor({1, 2, 3, 4, 5})}, {0}).status().message()),
              HasSubstr("variable 'w' has no value"));
  ASSERT_TRUE(session->state()->set("w", tensor({10, 20, 30, 40, 50})).ok());
  for (int run = 0; run < 2; ++run) {
    auto results = session->run({tensor({1, 2, 3, 4, 5})}, {1, 0, 2});
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_THAT((*results)[0].data<float>(), ElementsAre(1, 2, 3, 4, 5, 0));
    EXPECT_THAT((*results)[1].data<float>(), ElementsAre(5, 7, 3));
    EXPECT_THAT((*results)[2].data<int32_t>(), ElementsAre(0, 1));
  }
  EXPECT_THAT(session->state()->get("w")->data<float>(), ElementsAre(12, 24, 36, 48, 60));
  EXPECT_EQ(session->traffic().of(CollectiveKind::AllGather, runtime::Traffic::Intra).bytes,
            2 * 2 * 12);
  EXPECT_THAT(std::string(session->run({tensor({1})}, {0}).status().message()),
              HasSubstr("feed 'x' is f32[1], the graph needs f32[5]"));
}

TEST(MeshSession, RefusesAnotherMeshAndPiecesThatDoNotFit) {
  auto state = MeshState::inProcess(*parseMesh("a=2,b=2"), 2);
  auto executable = std::make_shared<runtime::Executable>(example().e);
  EXPECT_EQ(MeshSession::create(executable, state).status().message(),
            "'test' is for the mesh a=2, not a=2,b=2");
  executable->inputs[0].whole.dims = {8};
  EXPECT_EQ(MeshSession::create(executable, MeshState::inProcess(kMesh, 2)).status().message(),
            "'x' is f32[3] on each device, which f32[8] as [{a}] does not give");
}

TEST(MeshSession, ValuesGoToProgramsThatCutThemOtherwise) {
  Builder whole;
  whole.e.mesh = {{"a", 2}};
  int32_t w = whole.variable("w", {5}), y = whole.output("y", {5});
  whole.e.variables[0].whole = whole.e.outputs[0].whole = {{5}, "[{}]"};
  whole.add(Builder::copy(w, y));
  auto state = MeshState::inProcess(kMesh, 2);
  auto training = sessionOf(example(), state), evaluation = sessionOf(whole, state);
  ASSERT_TRUE(state->set("w", tensor({1, 1, 1, 1, 1})).ok());
  for (float times = 1; times < 4; ++times) {
    ASSERT_TRUE(training->run({tensor({1, 2, 3, 4, 5})}, {0}).ok());
    auto seen = evaluation->run({}, {0});
    ASSERT_TRUE(seen.ok()) << seen.status();
    EXPECT_THAT((*seen)[0].data<float>(),
                ElementsAre(1 + times, 1 + 2 * times, 1 + 3 * times, 1 + 4 * times, 1 + 5 * times));
  }
}

/// That of a run of the example, whichever processes devices are in.
void expectTraceOfExample(const MeshTrace::Result &trace) {
  auto events = nlohmann::json::parse(trace.file)["traceEvents"];
  std::map<std::string, int> seen;
  for (const auto &event : events)
    ++seen[event["ph"].get<std::string>() + " " + event["name"].get<std::string>() + " " +
           std::to_string(event["pid"].get<int>())];
  for (int device = 0; device < 2; ++device)
    for (const char *what : {"b all_reduce ", "e all_reduce ", "b all_gather ", "X in all_gather ",
                             "X add ", "M process_name "})
      EXPECT_GE(seen[what + std::to_string(device)], 1) << what << device << " " << trace.file;
  ASSERT_EQ(trace.ofDevice.size(), 2u);
  for (const runtime::CommunicationTime &time : trace.ofDevice) {
    EXPECT_GT(time.exposedNanos, 0);
    EXPECT_LE(time.exposedNanos, time.underWayNanos);
    EXPECT_LE(time.underWayNanos, time.runNanos);
  }
  EXPECT_THAT(trace.str(), HasSubstr(" of the time of runs is exposed communication (most: "));
}

// features: P19
TEST(MeshSession, ATraceHasAllDevicesAndWhatOfCommunicationIsExposed) {
  auto session = sessionOf(example(), MeshState::inProcess(kMesh, 2));
  ASSERT_TRUE(session->state()->set("w", tensor({0, 0, 0, 0, 0})).ok());
  auto tracing = MeshTrace::start(*session);
  ASSERT_TRUE(tracing.ok());
  ASSERT_TRUE(session->run({tensor({1, 2, 3, 4, 5})}, {0}).ok());
  auto trace = (*tracing)->finish();
  ASSERT_TRUE(trace.ok()) << trace.status();
  expectTraceOfExample(*trace);
  const std::string once = trace->file;
  ASSERT_TRUE(session->run({tensor({1, 2, 3, 4, 5})}, {0}).ok()); // no longer recorded
  EXPECT_EQ((*tracing)->finish()->file, once);
}

MeshSession *toCancel = nullptr;

TEST(MeshSession, OneThatIsCancelledEndsTheRunOfAllAndTheNextStartsAfresh) {
  Builder b = example();
  auto cancelling = [](void **, int64_t, int64_t, void *) {
    if (toCancel) toCancel->session(1).cancel();
  };
  b.e.instructions.insert(b.e.instructions.begin(),
                          Builder::launch(b.kernel("cancel", cancelling, 1), {}));
  auto session = sessionOf(b, MeshState::inProcess(kMesh, 2));
  ASSERT_TRUE(session->state()->set("w", tensor({0, 0, 0, 0, 0})).ok());
  toCancel = session.get();
  auto ended = session->run({tensor({1, 2, 3, 4, 5})}, {0});
  toCancel = nullptr;
  EXPECT_EQ(ended.status().code(), absl::StatusCode::kCancelled) << ended.status();
  EXPECT_THAT(std::string(session->run({tensor({1, 2, 3, 4, 5})}, {0}).status().message()),
              HasSubstr("lost its value"));
  ASSERT_TRUE(session->state()->set("w", tensor({0, 0, 0, 0, 0})).ok());
  auto again = session->run({tensor({1, 2, 3, 4, 5})}, {0});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT((*again)[0].data<float>(), ElementsAre(5, 7, 3));
}

TEST(MeshSession, RanksOfSeveralProcessesSeeWholeTensorsEach) {
  auto statuses = runInProcess(2, {}, [](runtime::Communicator &communicator) -> absl::Status {
    // The thread stands for a process; its communicator outlives the session.
    std::shared_ptr<runtime::Communicator> mine(&communicator, [](auto *) {});
    auto state = MeshState::ofRank(kMesh, mine, 1);
    if (!state.ok()) return state.status();
    auto session = sessionOf(example(), *state);
    if (absl::Status s = (*state)->set("w", tensor({0, 0, 0, 0, 0})); !s.ok()) return s;
    auto results = session->run({tensor({1, 2, 3, 4, 5})}, {0, 2});
    if (!results.ok()) return results.status();
    EXPECT_THAT((*results)[0].data<float>(), ElementsAre(5, 7, 3));
    EXPECT_THAT((*results)[1].data<int32_t>(), ElementsAre(0, 1));
    auto w = (*state)->get("w");
    if (!w.ok()) return w.status();
    EXPECT_THAT(w->data<float>(), ElementsAre(1, 2, 3, 4, 5));
    auto tracing = MeshTrace::start(*session);
    if (!tracing.ok()) return tracing.status();
    results = session->run({tensor({1, 2, 3, 4, 5})}, {0, 2});
    auto trace = (*tracing)->finish();
    if (!trace.ok()) return trace.status();
    expectTraceOfExample(*trace);
    return results.status();
  });
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
}

} // namespace
} // namespace weir::distributed
