// The conformance suite on threads with every algorithm, the order of combining, and faults.
#include "distributed/comm/in_process.h"

#include "runtime/device/collectives/conformance.h"

#include "absl/strings/str_cat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <thread>

namespace weir::distributed {
namespace {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::Communicator;
using runtime::DType;
using runtime::ReduceOp;
using runtime::Traffic;
using runtime::worldGroup;
using testing::AllOf;
using testing::HasSubstr;

/// `algorithm` wherever it can do it, on nodes of `ranksPerNode`.
CommunicatorOptions always(Algorithm algorithm, int ranks = 0, int ranksPerNode = 1) {
  CommunicatorOptions options;
  options.choose = [=](const CollectiveSpec &spec, const Topology &topology) {
    return supports(algorithm, spec.kind, topology) ? algorithm : Algorithm::Direct;
  };
  for (int rank = 0; rank < ranks; ++rank) options.nodeOfRank.push_back(rank / ranksPerNode);
  return options;
}

void expectAllOk(const std::vector<absl::Status> &statuses) {
  for (const absl::Status &status : statuses) EXPECT_TRUE(status.ok()) << status;
}

class Conformance : public testing::TestWithParam<std::tuple<Algorithm, int>> {};

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_TSAN 1
#endif
#endif

/// ThreadSanitizer makes it fifty times slower: what threads do is the same for all types and for
/// long vectors on many ranks.
absl::Status conform(Communicator &comm) {
#ifdef WEIR_TSAN
  absl::Status every = runtime::checkEveryCollective(comm, {{DType::F32}, {0, 7, 1009}});
  const bool isLong = comm.size() == 3;
#else
  absl::Status every = runtime::checkEveryCollective(comm);
  const bool isLong = true;
#endif
  if (every.ok() && isLong) every = runtime::checkLongVectors(comm);
  for (auto check :
       {runtime::checkOverlappingGroups, runtime::checkManyUnderWay, runtime::checkRefusals})
    if (every.ok()) every = check(comm);
  return every;
}

// features: C4, C5
TEST_P(Conformance, EveryCollectiveTypeAndOperation) {
  auto [algorithm, ranks] = GetParam();
  expectAllOk(runInProcess(ranks, always(algorithm, ranks, (ranks + 1) / 2), conform));
}

INSTANTIATE_TEST_SUITE_P(, Conformance,
                         testing::Combine(testing::Values(Algorithm::Direct, Algorithm::Tree,
                                                          Algorithm::Ring, Algorithm::Hierarchical),
                                          testing::Range(1, 9)),
                         [](const auto &info) {
                           return absl::StrCat(algorithmName(std::get<0>(info.param)),
                                               std::get<1>(info.param));
                         });

/// Inputs whose sums depend on the order of adding.
std::vector<float> awkward(int rank, int64_t count) {
  std::mt19937 random(unsigned(rank) * 977 + 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float &value : values)
    value = std::ldexp(float(random()) - float(1u << 31), int(random() % 40) - 20);
  return values;
}

/// Every rank's result of an all-reduce; ranks begin at odd times.
std::vector<std::vector<float>> allReduced(int ranks, int64_t count, CommunicatorOptions options,
                                           unsigned seed = 0) {
  std::vector<std::vector<float>> results(static_cast<size_t>(ranks),
                                          std::vector<float>(size_t(count)));
  expectAllOk(runInProcess(ranks, options, [&](Communicator &comm) {
    std::vector<float> input = awkward(comm.rank(), count);
    std::this_thread::sleep_for(
        std::chrono::microseconds((seed * 7919 + unsigned(comm.rank()) * 104729) % 900));
    CollectiveSpec spec{
        CollectiveKind::AllReduce, worldGroup(ranks), DType::F32, ReduceOp::Sum, 0, {count}};
    return comm.run(spec, input.data(), results[size_t(comm.rank())].data());
  }));
  return results;
}

float treeSum(const std::vector<float> &values, size_t lo, size_t hi) {
  if (hi - lo == 1) return values[lo];
  size_t middle = lo + std::bit_floor(hi - lo - 1);
  return treeSum(values, lo, middle) + treeSum(values, middle, hi);
}

// features: G3
TEST(Order, OfAddingIsThatOfTheDocumentWhateverTheTiming) {
  for (int ranks : {2, 3, 4, 7, 8}) {
    int64_t count = 1003;
    std::vector<std::vector<float>> inputs;
    for (int rank = 0; rank < ranks; ++rank) inputs.push_back(awkward(rank, count));
    std::vector<float> tree, ring;
    int64_t begin = 0, chunk = 0;
    for (int64_t i = 0; i < count; ++i) {
      if (i == begin + evenCounts(count, ranks)[size_t(chunk)]) begin = i, ++chunk;
      std::vector<float> leaves;
      for (const auto &input : inputs) leaves.push_back(input[size_t(i)]);
      tree.push_back(treeSum(leaves, 0, leaves.size()));
      float around = leaves[size_t((chunk + 1) % ranks)];
      for (int k = 2; k <= ranks; ++k) around += leaves[size_t((chunk + k) % ranks)];
      ring.push_back(around);
    }
    for (unsigned seed = 0; seed < 5; ++seed) {
      for (const auto &result : allReduced(ranks, count, always(Algorithm::Direct), seed))
        EXPECT_EQ(result, tree) << "direct " << ranks;
      for (const auto &result : allReduced(ranks, count, always(Algorithm::Tree), seed))
        EXPECT_EQ(result, tree) << "tree " << ranks;
      for (const auto &result : allReduced(ranks, count, always(Algorithm::Ring), seed))
        EXPECT_EQ(result, ring) << "ring " << ranks;
      for (int perNode : {2, 4})
        if (ranks == 4 || ranks == 8)
          for (const auto &result :
               allReduced(ranks, count, always(Algorithm::Hierarchical, ranks, perNode), seed))
            EXPECT_EQ(result, tree) << "hierarchical " << ranks << " by " << perNode;
    }
  }
}

// features: C2, C3
TEST(Counters, SayWhatWasSentInsideAndBetweenNodes) {
  for (int ranks = 2; ranks <= 8; ranks += 2) {
    expectAllOk(
        runInProcess(ranks, always(Algorithm::Ring, ranks, ranks / 2), [&](Communicator &comm) {
          std::vector<float> data(840 * 3);
          CollectiveSpec spec{CollectiveKind::AllReduce,
                              worldGroup(ranks),
                              DType::F32,
                              ReduceOp::Sum,
                              0,
                              {840 * 3}};
          if (absl::Status status = comm.run(spec, data.data(), data.data()); !status.ok())
            return status;
          const Traffic &traffic = comm.traffic();
          int64_t bytes = 2 * (ranks - 1) * 840 * 3 * 4 / ranks;
          bool last =
              (comm.rank() + 1) % (ranks / 2) == 0; // its right neighbour is on the other node
          EXPECT_EQ(traffic.of(spec.kind, last ? Traffic::Inter : Traffic::Intra).bytes, bytes);
          EXPECT_EQ(traffic.of(spec.kind, last ? Traffic::Intra : Traffic::Inter).bytes, 0);
          EXPECT_EQ(traffic.total(Traffic::Intra).bytes + traffic.total(Traffic::Inter).bytes,
                    bytes);
          EXPECT_THAT(traffic.str(),
                      HasSubstr(absl::StrCat("all_reduce: ", last ? 0 : bytes, " bytes in")));
          return absl::OkStatus();
        }));
  }
}

CollectiveSpec named(CollectiveKind kind, int ranks, const char *name, const char *source) {
  CollectiveSpec spec{kind, worldGroup(ranks), DType::F32, ReduceOp::Sum, 0, {4}};
  if (kind == CollectiveKind::Barrier) spec.counts = {};
  spec.name = name;
  spec.source = source;
  return spec;
}

// features: C7
TEST(Faults, AHangIsReportedWithWhoHadNotArrived) {
  CommunicatorOptions options;
  options.reportAfter = std::chrono::milliseconds(150);
  options.failAfter = std::chrono::milliseconds(600);
  std::mutex mutex;
  std::string reports;
  options.report = [&](const std::string &text) {
    std::lock_guard lock(mutex);
    reports += text;
  };
  std::atomic<bool> over{false};
  auto statuses = runInProcess(3, options, [&](Communicator &comm) {
    float data[4] = {};
    if (comm.rank() == 2) { // forgets the all-reduce
      while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return comm.run(named(CollectiveKind::Barrier, 3, "end", "b.cc:9"), nullptr, nullptr);
    }
    absl::Status status =
        comm.run(named(CollectiveKind::AllReduce, 3, "grads", "train.cc:12"), data, data);
    over = true;
    return status;
  });
  for (const absl::Status &status : statuses) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(" in all_reduce 'grads' (train.cc:12) over ranks {0, 1, 2}"),
                      HasSubstr("rank 2 has not arrived; it is in no collective")));
  }
  EXPECT_THAT(reports, AllOf(HasSubstr(" s in all_reduce 'grads' (train.cc:12)"),
                             HasSubstr(" has arrived; it is in all_reduce 'grads'"),
                             HasSubstr("rank 2 has not arrived; it is in no collective")));
}

TEST(Faults, AnotherOrderOfCollectivesIsReportedNotConfused) {
  CommunicatorOptions options;
  options.reportAfter = options.failAfter = std::chrono::milliseconds(150);
  options.report = [](const std::string &) {};
  for (const absl::Status &status : runInProcess(2, options, [&](Communicator &comm) {
         float data[4] = {};
         bool first = comm.rank() == 0;
         return comm.run(named(first ? CollectiveKind::AllReduce : CollectiveKind::Broadcast, 2,
                               first ? "a" : "b", first ? "x.cc:1" : "x.cc:2"),
                         data, data);
       }))
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
}

TEST(Faults, RanksThatDisagreeOnTheShapeAllFail) {
  for (const absl::Status &status : runInProcess(2, {}, [&](Communicator &comm) {
         std::vector<float> data(10);
         CollectiveSpec spec = named(CollectiveKind::AllReduce, 2, "w", "x.cc:3");
         spec.counts = {comm.rank() ? 4 : 6};
         return comm.run(spec, data.data(), data.data());
       })) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("all_reduce 'w' (x.cc:3)"),
                                                     HasSubstr("ranks disagree on the shape")));
  }
}

TEST(Faults, AnErrorOfOneRankEndsAllAndStays) {
  std::vector<absl::Status> statuses = runInProcess(4, {}, [&](Communicator &comm) {
    float data[4] = {};
    if (comm.rank() == 3) return absl::DataLossError("rank 3: the disk is gone");
    absl::Status status = comm.run(named(CollectiveKind::AllReduce, 4, "w", "x.cc:3"), data, data);
    EXPECT_EQ(comm.progress(), status);
    EXPECT_EQ(comm.run(named(CollectiveKind::Barrier, 4, "", ""), nullptr, nullptr), status);
    return status;
  });
  for (const absl::Status &status : statuses)
    EXPECT_EQ(status, absl::DataLossError("rank 3: the disk is gone"));
}

TEST(Faults, ACommunicatorMayGoInTheMiddle) {
  auto communicators = inProcessCommunicators(2);
  std::vector<float> data(4);
  CollectiveSpec spec = named(CollectiveKind::AllReduce, 2, "w", "x.cc:3");
  ASSERT_TRUE(
      communicators[0]->start(*communicators[0]->prepare(spec), data.data(), data.data()).ok());
  communicators[0].reset();
  EXPECT_THAT(std::string(communicators[1]->run(spec, data.data(), data.data()).message()),
              HasSubstr("rank 0 gave up its communicator in the middle of all_reduce 'w'"));
}

TEST(Buffers, ThatOverlapOrAreMissingAreRefused) {
  auto communicators = inProcessCommunicators(1);
  std::vector<float> data(8);
  CollectiveSpec spec = named(CollectiveKind::AllReduce, 1, "w", "x.cc:3");
  EXPECT_FALSE(communicators[0]->run(spec, data.data(), data.data() + 2).ok());
  communicators = inProcessCommunicators(1);
  EXPECT_FALSE(communicators[0]->run(spec, nullptr, data.data()).ok());
}

// features: C7
TEST(FlightRecord, NamesTheLastCollectivesInOrder) {
  expectAllOk(runInProcess(2, {}, [&](Communicator &comm) {
    float data[4] = {};
    for (const char *name : {"a", "b"})
      if (absl::Status status =
              comm.run(named(CollectiveKind::AllReduce, 2, name, "x.cc:3"), data, data);
          !status.ok())
        return status;
    std::string record = comm.flightRecord();
    EXPECT_THAT(
        record,
        HasSubstr(
            "#1 all_reduce 'a' (x.cc:3) over ranks {0, 1}, tree, number 1 of its group: done in"));
    EXPECT_THAT(record, HasSubstr("#2 all_reduce 'b' (x.cc:3)"));
    return absl::OkStatus();
  }));
}

} // namespace
} // namespace weir::distributed
