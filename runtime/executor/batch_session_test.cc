// Any batch by executables of some sizes: in place, as two, or padded; never a row beyond the
// caller's.  features: G14
#include "runtime/executor/batch_session.h"
#include "runtime/executor/test_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace weir::runtime {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr int64_t kRow = 16; // floats: 64 bytes, so that a part may begin at any row

/// y[i] = x[i] + w; `rows` of them.
void addFirst(void **b, int64_t begin, int64_t end, void *) {
  for (int64_t i = begin; i < end; ++i) f32(b[2])[i] = f32(b[0])[i] + f32(b[1])[0];
}

/// y[n, row] = x[n, row] + w, and what is the same for every batch: w2 = w + w.
std::shared_ptr<const Executable> example(int64_t rows, int64_t row, int64_t flops) {
  Builder b;
  int32_t x = b.input("x", {rows, row}), w = b.input("w", {1});
  int32_t y = b.output("y", {rows, row}), twice = b.output("twice", {1});
  b.add(Builder::launch(b.kernel("add", addFirst, rows * row, flops * rows), {x, w, y}));
  b.add(Builder::launch(b.kernel("twice", addKernel, 1), {w, w, twice}));
  return std::make_shared<Executable>(b.e);
}

std::shared_ptr<const BatchExecutable> range(const std::vector<int64_t> &sizes, int64_t row = kRow,
                                             int64_t flops = 1 << 20) {
  BatchExecutable batch{{}, {1, 0}, {1, 0}};
  for (int64_t rows : sizes) batch.sizes.push_back({rows, example(rows, row, flops)});
  return std::make_shared<BatchExecutable>(std::move(batch));
}

HostTensor rowsOf(int64_t rows, int64_t row = kRow) {
  std::vector<float> values(static_cast<size_t>(rows * row));
  std::iota(values.begin(), values.end(), 1.f);
  return HostTensor::from<float>({rows, row}, values);
}
const HostTensor kW = HostTensor::from<float>({1}, {1000});

void expectRight(const std::vector<HostTensor> &results, int64_t rows, int64_t row = kRow) {
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].dims(), (std::vector<int64_t>{rows, row}));
  for (int64_t i = 0; i < results[0].size(); ++i)
    ASSERT_EQ(results[0].at(i), double(i + 1001)) << "element " << i << " of " << rows << " rows";
  EXPECT_EQ(results[1].at(0), 2000);
}

TEST(BatchSession, EveryBatchOfTheRange) {
  auto session = *BatchSession::create(range({1, 2, 4, 9, 13}));
  for (int64_t rows = 1; rows <= 13; ++rows) expectRight(*session->run({rowsOf(rows), kW}), rows);
  EXPECT_EQ(session->counters().runs, 13);
  EXPECT_EQ(session->counters().exact, 5);
}

TEST(BatchSession, DearKernelsRunAsTwoSizesInPlace) {
  auto session = *BatchSession::create(range({1, 2, 4, 16}, kRow, 1 << 24));
  expectRight(*session->run({rowsOf(6), kW}), 6); // 4 and 2
  EXPECT_EQ(session->counters().twoFold, 1);
}

TEST(BatchSession, RunsThroughACopyWhereLaunchesCostMost) {
  auto session = *BatchSession::create(range({1, 8, 9, 16}, kRow, 0));
  expectRight(*session->run({rowsOf(10), kW}), 10);
  EXPECT_EQ(session->counters().padded, 1);
}

// Rows of 12 bytes: the second part would begin where a kernel may not store whole vectors.
TEST(BatchSession, PartsBeginWhereMemoryIsAligned) {
  auto session = *BatchSession::create(range({1, 2, 4, 16, 20, 64}, 3, 1 << 24));
  for (int64_t rows : {3, 6, 17, 18, 36})
    expectRight(*session->run({rowsOf(rows, 3), kW}), rows, 3);
  EXPECT_EQ(session->counters().twoFold, 3) << "16 and 1, 16 and 2, 16 and 20";
  EXPECT_EQ(session->counters().padded, 2);
}

TEST(BatchSession, WritesNoRowBeyondTheCallers) {
  auto session = *BatchSession::create(range({1, 8, 9, 16}, kRow, 0));
  HostTensor x = rowsOf(16), y = HostTensor::full<float>({16, kRow}, -1);
  const void *feeds[] = {x.raw(), kW.raw()};
  void *fetches[] = {y.mutableRaw(), nullptr};
  for (int64_t rows : {10, 3, 9}) {
    y = HostTensor::full<float>({16, kRow}, -1);
    fetches[0] = y.mutableRaw();
    ASSERT_TRUE(session->runRaw(rows, feeds, fetches).ok());
    EXPECT_EQ(y.at(rows * kRow - 1), double(rows * kRow + 1000));
    for (int64_t i = rows * kRow; i < y.size(); ++i) ASSERT_EQ(y.at(i), -1) << rows;
  }
}

TEST(BatchSession, RefusesFeedsThatAreNoBatchOfTheRange) {
  auto session = *BatchSession::create(range({1, 2, 4}));
  auto refusal = [&](const std::vector<HostTensor> &feeds) {
    return std::string(session->run(feeds).status().message());
  };
  EXPECT_EQ(refusal({rowsOf(5), kW}), "feed 'x' is f32[5, 16], the graph needs f32[1..4, 16]");
  EXPECT_THAT(refusal({rowsOf(0), kW}), HasSubstr("is f32[0, 16], the graph needs f32[1..4, 16]"));
  EXPECT_THAT(refusal({rowsOf(2, 8), kW}), HasSubstr("f32[2, 8]"));
  EXPECT_THAT(refusal({rowsOf(2), rowsOf(1)}), HasSubstr("feed 'w' is f32[1, 16]"));
  EXPECT_EQ(refusal({kW}), "'test' needs 2 feeds, given 1");
  EXPECT_FALSE(session->run({rowsOf(2), kW}, {2}).ok());
  for (int64_t rows : {-1, 0, 5})
    EXPECT_THAT(std::string(session->runRaw(rows, nullptr, nullptr).message()),
                HasSubstr("takes batches of 1 to 4"));
}

TEST(BatchSession, FeedsMustAgreeInTheirRows) {
  auto of = [](int64_t rows) {
    Builder b;
    int32_t x = b.input("x", {rows}), y = b.input("y", {rows * 2}), z = b.output("z", {rows});
    b.add(Builder::launch(b.kernel("add", addKernel, rows), {x, y, z}));
    return std::make_shared<Executable>(b.e);
  };
  auto session = *BatchSession::create(
      std::make_shared<BatchExecutable>(BatchExecutable{{{1, of(1)}, {2, of(2)}}, {1, 2}, {1}}));
  auto zeros = [](int64_t n) { return HostTensor::zeros(DType::F32, {n}); };
  EXPECT_TRUE(session->run({zeros(2), zeros(4)}).ok());
  EXPECT_EQ(session->run({zeros(2), zeros(2)}).status().message(),
            "feed 'y' is f32[2], a batch of 1, but feed 'x' is f32[2], a batch of 2");
  EXPECT_EQ(session->run({zeros(2), zeros(3)}).status().message(),
            "feed 'y' is f32[3], the graph needs f32[2 * 1..2]");
}

TEST(BatchSession, OneSizeIsARangeWithoutABatch) {
  auto session = *BatchSession::create(
      std::make_shared<BatchExecutable>(BatchExecutable::ofOneSize(example(3, kRow, 0))));
  EXPECT_FALSE(session->executable().isRange());
  expectRight(*session->run({rowsOf(3), kW}), 3);
  EXPECT_THAT(std::string(session->run({rowsOf(2), kW}).status().message()),
              HasSubstr("the graph needs f32[3, 16]"));
}

TEST(BatchExecutable, SizesAreCloseTogether) {
  EXPECT_EQ(batchSizes(1), (std::vector<int64_t>{1}));
  EXPECT_EQ(batchSizes(5), (std::vector<int64_t>{1, 2, 3, 4, 5}));
  for (int64_t most : {7, 16, 31, 100, 4096}) {
    const std::vector<int64_t> sizes = batchSizes(most);
    EXPECT_EQ(sizes.back(), most);
    for (size_t i = 1; i < sizes.size(); ++i) {
      EXPECT_LT(sizes[i - 1], sizes[i]);
      EXPECT_LE(double(sizes[i]) / double(sizes[i - 1] + 1), 1.125);
    }
  }
  EXPECT_LT(batchSizes(4096).size(), 90u);
}

TEST(BatchExecutable, VerifyRefusesWhatIsNotOneProgram) {
  auto refusal = [](const BatchExecutable &batch) { return std::string(verify(batch).message()); };
  const BatchExecutable good = *range({1, 2, 4});
  EXPECT_TRUE(verify(good).ok()) << verify(good);
  EXPECT_THAT(refusal({}), HasSubstr("no sizes"));
  BatchExecutable bad = good;
  std::swap(bad.sizes[0], bad.sizes[1]);
  EXPECT_THAT(refusal(bad), HasSubstr("1 rows follow 2"));
  bad = good;
  bad.sizes[0].rows = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("0 rows follow 0"));
  bad = good;
  bad.sizes[1].executable = example(3, kRow, 0);
  EXPECT_THAT(refusal(bad), HasSubstr("that of 2 rows differs"));
  bad = good;
  bad.sizes[1].executable = example(2, kRow / 2, 0);
  EXPECT_THAT(refusal(bad), HasSubstr("that of 2 rows differs"));
  for (int64_t leading : {int64_t(-1), int64_t(2), INT64_MAX}) {
    bad = good;
    bad.inputs[0] = leading;
    EXPECT_THAT(refusal(bad), HasSubstr("leading dims")) << leading;
  }
  bad = good;
  bad.inputs = bad.outputs = {0, 0};
  EXPECT_THAT(refusal(bad), HasSubstr("no input has a batch"));
  bad = good;
  bad.outputs.pop_back();
  EXPECT_THAT(refusal(bad), HasSubstr("leading dims"));
}

} // namespace
} // namespace weir::runtime
