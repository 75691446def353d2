// The NCCL backend over a double of NCCL: the conformance suite, what is called, and how a hang
// ends.  features: C4 C7
#include "distributed/comm/in_process.h"
#include "distributed/comm/nccl/nccl.h"
#include "distributed/comm/nccl/recording_nccl.h"
#include "runtime/device/collectives/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::distributed {
namespace {

TEST(NcclLibrary, SaysWhatIsMissing) {
#if WEIR_HAVE_NCCL
  EXPECT_THAT(std::string(loadNccl("/nowhere/libnccl.so.2").status().message()),
              testing::HasSubstr("no NCCL on this machine: /nowhere/libnccl.so.2"));
  EXPECT_THAT(std::string(loadNccl("libm.so.6").status().message()),
              testing::HasSubstr("too old: libm.so.6 has no function ncclGetVersion"));
#else
  EXPECT_THAT(std::string(nccl().status().message()), testing::HasSubstr("built without NCCL"));
#endif
}

#if WEIR_HAVE_NCCL

using namespace runtime;
using testing::ElementsAre;
using testing::HasSubstr;

/// `body` for every rank, on a communicator over the double.
std::vector<absl::Status> runRanks(RecordingNccl &nccl, int ranks,
                                   const std::function<absl::Status(Communicator &)> &body,
                                   NcclOptions options = {}) {
  return runInProcess(ranks, {}, [&](Communicator &hosts) {
    auto comm = makeNcclCommunicator(nccl.table(), hosts, nccl.stream(hosts.rank()), options);
    absl::Status status = body(*comm);
    // All have what they wanted before one goes.
    CollectiveSpec barrier{.kind = CollectiveKind::Barrier, .group = worldGroup(ranks)};
    return status.ok() ? hosts.run(barrier, nullptr, nullptr) : status;
  });
}

class NcclConformance : public testing::TestWithParam<int> {};

TEST_P(NcclConformance, EveryCollectiveTypeAndOperation) {
  RecordingNccl nccl(GetParam());
  ConformanceExtent extent{.dtypes = {DType::I1, DType::I8, DType::I32, DType::I64, DType::U8,
                                      DType::U32, DType::U64, DType::F16, DType::BF16, DType::F32,
                                      DType::F64},
                           .sizes = {0, 1, 7, 64}};
  auto statuses = runRanks(nccl, GetParam(), [&](Communicator &comm) {
    if (absl::Status s = checkEveryCollective(comm, extent); !s.ok()) return s;
    for (auto check : {checkOverlappingGroups, checkManyUnderWay, checkRefusals})
      if (absl::Status s = check(comm); !s.ok()) return s;
    return absl::OkStatus();
  });
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
}

INSTANTIATE_TEST_SUITE_P(Ranks, NcclConformance, testing::Values(1, 2, 3, 4, 8));

CollectiveSpec specOf(CollectiveKind kind, int ranks, std::vector<int64_t> counts) {
  CollectiveSpec spec{kind, worldGroup(ranks)};
  spec.counts = std::move(counts);
  spec.source = "train.cc:7";
  return spec;
}

TEST(Nccl, CollectivesAreItsOwnWherePiecesAreEqual) {
  RecordingNccl nccl(2);
  auto statuses = runRanks(nccl, 2, [](Communicator &comm) {
    float in[4] = {}, out[4] = {};
    for (const CollectiveSpec &spec :
         {specOf(CollectiveKind::AllReduce, 2, {4}), specOf(CollectiveKind::AllGather, 2, {2, 2}),
          specOf(CollectiveKind::AllGather, 2, {1, 3}),
          specOf(CollectiveKind::ReduceScatter, 2, {2, 2}),
          specOf(CollectiveKind::ReduceScatter, 2, {1, 3})})
      if (absl::Status s = comm.run(spec, in, out); !s.ok()) return s;
    return absl::OkStatus();
  });
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(nccl.calls(0), ElementsAre("all_reduce f32[4] sum", "all_gather ui8[8]",
                                         "group(broadcast ui8[4] of 0, broadcast ui8[12] of 1)",
                                         "reduce_scatter f32[2] sum",
                                         "group(reduce f32[1] sum of 0, reduce f32[3] sum of 1)"));
}

/// A receive before its send, on one stream: given as they come, they would wait for each other.
TEST(Nccl, SendsAndReceivesAreGivenTogether) {
  RecordingNccl nccl(2);
  auto statuses = runRanks(nccl, 2, [](Communicator &comm) {
    float in[4] = {1, 2, 3, float(comm.rank())}, out[4] = {};
    CollectiveSpec receive = specOf(CollectiveKind::Receive, 2, {4});
    receive.root = 1 - comm.rank();
    CollectiveSpec send = receive;
    send.kind = CollectiveKind::Send;
    auto arriving = comm.start(*comm.prepare(receive), nullptr, out);
    auto leaving = comm.start(*comm.prepare(send), in, nullptr);
    for (auto each : {leaving, arriving})
      if (absl::Status s = comm.wait(*each); !s.ok()) return s;
    EXPECT_EQ(out[3], float(1 - comm.rank()));
    return absl::OkStatus();
  });
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(nccl.calls(0), ElementsAre("group(receive 16 from 1, send 16 to 1)"));
}

TEST(Nccl, ARankThatDoesNotComeEndsTheOthersWithItsName) {
  RecordingNccl nccl(3);
  auto statuses = runRanks(nccl, 3,
                           [](Communicator &comm) {
                             float value = 1;
                             CollectiveSpec spec = specOf(CollectiveKind::AllReduce, 3, {1});
                             if (absl::Status s = comm.run(spec, &value, &value); !s.ok()) return s;
                             if (comm.rank() == 2)
                               return absl::UnavailableError("rank 2 has enough");
                             return comm.run(spec, &value, &value);
                           },
                           {.deadline = std::chrono::milliseconds(300)});
  for (int rank : {0, 1}) EXPECT_FALSE(statuses[size_t(rank)].ok());
  EXPECT_EQ(statuses[2].message(), "rank 2 has enough");
}

TEST(Nccl, TheDeadlineNamesTheCollectiveItsLineAndTheGroup) {
  RecordingNccl nccl(2);
  auto statuses =
      runRanks(nccl, 2,
               [](Communicator &comm) {
                 float value = 1;
                 CollectiveSpec spec = specOf(CollectiveKind::AllReduce, 2, {1});
                 if (absl::Status s = comm.run(spec, &value, &value); !s.ok()) return s;
                 if (comm.rank() == 1) // Another collective than the partner's: NCCL would hang.
                   spec = specOf(CollectiveKind::Broadcast, 2, {1});
                 return comm.run(spec, &value, &value);
               },
               {.deadline = std::chrono::milliseconds(200)});
  // Whose deadline comes first aborts, and the other may see that before its own deadline.
  int named = 0;
  for (const absl::Status &status : statuses) {
    EXPECT_FALSE(status.ok());
    if (status.code() != absl::StatusCode::kDeadlineExceeded) continue;
    ++named;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("(train.cc:7): not over after 200 ms in group {0, 1}"));
  }
  EXPECT_GE(named, 1);
}

TEST(Nccl, SaysWhichSumsItLacks) {
  RecordingNccl nccl(1);
  auto statuses = runRanks(nccl, 1, [](Communicator &comm) {
    CollectiveSpec spec = specOf(CollectiveKind::AllReduce, 1, {1});
    spec.dtype = DType::I16;
    return comm.prepare(spec).status();
  });
  EXPECT_THAT(std::string(statuses[0].message()), HasSubstr("NCCL has no sum of i16"));
}

#endif

} // namespace
} // namespace weir::distributed
