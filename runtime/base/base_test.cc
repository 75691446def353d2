//===- base_test.cc - element types, host tensors, files ------------------===//
// Values in and out, copy on write, conversions, refusals, atomic files.
//===----------------------------------------------------------------------===//
#include "runtime/base/file.h"
#include "runtime/base/host_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DType, NamesRoundTripAndUnknownOnesAreRefused) {
  for (int i = 0; i <= static_cast<int>(DType::F64); ++i) {
    DType dtype = static_cast<DType>(i);
    EXPECT_EQ(parseDType(dtypeName(dtype)), dtype);
  }
  EXPECT_FALSE(parseDType("f8").has_value());
  EXPECT_EQ(typeStr(DType::F32, {128, 512}), "f32[128, 512]");
  EXPECT_EQ(typeStr(DType::I64, {}), "i64[]");
}

TEST(DType, ElementCountsThatOverflowAreNotCounts) {
  EXPECT_EQ(elementCount({}), 1);
  EXPECT_EQ(elementCount({3, 0, 5}), 0);
  EXPECT_FALSE(elementCount({3, -1}).has_value());
  EXPECT_FALSE(elementCount({int64_t(1) << 40, int64_t(1) << 40}).has_value());
}

TEST(HostTensor, HoldsWhatItIsGiven) {
  auto matrix = HostTensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(matrix.typeStr(), "f32[2, 3]");
  EXPECT_EQ(matrix.bytes(), 24u);
  EXPECT_EQ(matrix.at(4), 5);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix.raw()) % kBufferAlignment, 0u);
  EXPECT_EQ(matrix.str(), "f32[2, 3] {1, 2, 3, 4, 5, 6}");
  EXPECT_EQ(matrix.str(2), "f32[2, 3] {1, 2, ...}");
  EXPECT_EQ(HostTensor::scalar(int64_t(7)).item<int64_t>(), 7);
  EXPECT_THAT(HostTensor::from<bool>({2}, {true, false}).data<bool>(), ElementsAre(true, false));
  EXPECT_EQ(HostTensor::zeros(DType::F64, {4, 0}).size(), 0);
}

TEST(HostTensor, IsAValueAlthoughCopiesShareMemory) {
  auto original = HostTensor::full<float>({2}, 1);
  HostTensor copy = original;
  EXPECT_EQ(copy.raw(), original.raw());
  copy.mutableData<float>()[0] = 5;
  EXPECT_THAT(original.data<float>(), ElementsAre(1, 1));
  EXPECT_THAT(copy.data<float>(), ElementsAre(5, 1));
  const void *own = copy.raw();
  copy.mutableData<float>()[1] = 6;
  EXPECT_EQ(copy.raw(), own) << "memory that nobody shares was copied";
  EXPECT_FALSE(copy == original);
}

template <typename Call> std::string messageOf(Call call) {
  try {
    call();
  } catch (const std::invalid_argument &error) {
    return error.what();
  }
  return "no error";
}

TEST(HostTensor, RefusesWhatDoesNotFit) {
  auto x = HostTensor::zeros(DType::I32, {4});
  EXPECT_EQ(messageOf([&] { x.data<float>(); }), "array is i32[4], asked for elements of type f32");
  EXPECT_EQ(messageOf([&] { x.item<int32_t>(); }), "an array of type i32[4] has 4 elements, not 1");
  EXPECT_EQ(messageOf([] { HostTensor::from<float>({2, 2}, {1, 2, 3}); }),
            "an array of type f32[2, 2] has 4 elements, not 3");
  EXPECT_EQ(messageOf([] { HostTensor::zeros(DType::F32, {-1}); }),
            "no array can have the type f32[-1]");
  EXPECT_EQ(messageOf([&] { x.reshaped({3}); }),
            "an array of type i32[3] needs 12 bytes, given 16");
  EXPECT_EQ(messageOf([&] { x.at(4); }), "element 4 of i32[4] asked for");
}

TEST(HostTensor, CastsLikeTheLanguageAndRoundsHalvesToEven) {
  auto x = HostTensor::from<double>({4}, {-1.5, 0, 2.75, 300});
  EXPECT_THAT(x.cast(DType::I32).data<int32_t>(), ElementsAre(-1, 0, 2, 300));
  EXPECT_THAT(x.cast(DType::I1).data<bool>(), ElementsAre(true, false, true, true));
  // f16: 1 + 2^-11 is a tie that goes down, 1 + 3*2^-11 one that goes up; 65520 is the first to
  // overflow; denormals.
  auto ties = HostTensor::from<double>(
      {7}, {1 + 0x1p-11, 1 + 0x3p-11, 65519.9, 65520, 0x1p-24, 0x1.8p-25, -0x1p-26});
  EXPECT_THAT(ties.cast(DType::F16).toDoubles(),
              ElementsAre(1, 1 + 0x1p-9, 65504, INFINITY, 0x1p-24, 0x1p-24, 0));
  auto wide = HostTensor::from<double>({4}, {1 + 0x1p-8, 1 + 0x3p-8, 3.4e38, 0x1p-133});
  EXPECT_THAT(wide.cast(DType::BF16).toDoubles(), ElementsAre(1, 1 + 0x1p-6, INFINITY, 0x1p-133));
  auto nan = HostTensor::scalar(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(nan.cast(DType::F16).at(0)) && std::isnan(nan.cast(DType::BF16).at(0)));
}

TEST(HostTensor, EveryHalfSurvivesTheWayThroughDouble) {
  std::vector<Half> halves;
  for (int bits = 0; bits < 0x10000; ++bits)
    if ((bits & 0x7c00) != 0x7c00 || (bits & 0x3ff) == 0)
      halves.push_back(Half::fromBits(uint16_t(bits)));
  auto x = HostTensor::from<Half>({int64_t(halves.size())}, halves);
  EXPECT_TRUE(x.cast(DType::F64).cast(DType::F16) == x);
  EXPECT_TRUE(x.cast(DType::F32).cast(DType::F16) == x);
}

TEST(HostTensor, CastsToIntegersSaturate) {
  auto x = HostTensor::from<double>({6}, {-1.5, 2.9, 300, -300, 1e30, NAN});
  EXPECT_THAT(x.cast(DType::U8).data<uint8_t>(), ElementsAre(0, 2, 255, 0, 255, 0));
  EXPECT_THAT(x.cast(DType::I8).data<int8_t>(), ElementsAre(-1, 2, 127, -128, 127, 0));
  EXPECT_EQ(x.cast(DType::U64).data<uint64_t>()[4], UINT64_MAX);
  EXPECT_EQ(x.cast(DType::I64).data<int64_t>()[4], INT64_MAX);
}

TEST(HostTensor, PrintsIntegersInFull) {
  EXPECT_EQ(HostTensor::scalar(UINT64_MAX).str(), "ui64[] {18446744073709551615}");
  EXPECT_EQ(HostTensor::scalar(int8_t(-7)).str(), "i8[] {-7}");
  EXPECT_EQ(HostTensor::scalar(Half(0.5)).str(), "f16[] {0.5}");
}

class FileTest : public testing::Test {
protected:
  std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("base_test." + std::to_string(getpid()));
  void SetUp() override { std::filesystem::create_directories(directory); }
  void TearDown() override { std::filesystem::remove_all(directory); }

  static absl::Status write(const std::string &path, std::string_view text) {
    return writeFileAtomically(path, {std::as_bytes(std::span(text))});
  }
};

TEST_F(FileTest, ReplacesTheWholeFileAndLeavesNothingElse) {
  std::string path = directory / "a";
  ASSERT_TRUE(write(path, "the first content").ok());
  ASSERT_TRUE(write(path, "second").ok());
  auto file = InputFile::open(path);
  ASSERT_TRUE(file.ok());
  std::string text(file->size(), ' ');
  ASSERT_TRUE(file->read(0, std::as_writable_bytes(std::span(text))).ok());
  EXPECT_EQ(text, "second");
  auto beyond = file->read(3, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(beyond.message(), path + " ends after 6 bytes, 3 more are needed");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
}

TEST_F(FileTest, FailuresNameTheFileAndKeepTheOldOne) {
  std::string missing = directory / "none" / "a";
  EXPECT_EQ(write(missing, "x").message(),
            "cannot write " + missing + ": No such file or directory");
  EXPECT_EQ(InputFile::open(missing).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(InputFile::open(directory).status().message()),
              HasSubstr("not a regular file"));
  std::string taken = directory / "taken";
  std::filesystem::create_directories(taken + "/child");
  EXPECT_FALSE(write(taken, "x").ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
}

TEST_F(FileTest, PipesAndDevicesAreWrittenToAndStay) {
  std::string path = directory / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  int reader = open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  ASSERT_TRUE(write(path, "through").ok());
  char text[8] = {};
  EXPECT_EQ(read(reader, text, 7), 7);
  close(reader);
  EXPECT_STREQ(text, "through");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
}

TEST_F(FileTest, ALinkIsFollowedAndStays) {
  const std::string target = directory / "target", link = directory / "link";
  ASSERT_TRUE(write(target, "old").ok());
  std::filesystem::create_symlink("target", link);
  ASSERT_TRUE(write(link, "newer").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(std::filesystem::file_size(target), 5u);
}

} // namespace
} // namespace weir::runtime
