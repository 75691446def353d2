//===- safetensors_test.cc - weights in files -----------------------------===//
// Round trips through a mapping, copies and views. The rules of the format are tested one by one in
// runtime/checkpoint.
// features: X12
//===----------------------------------------------------------------------===//
#include "runtime/base/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace weir::runtime {
namespace {

class SafetensorsTest : public testing::Test {
protected:
  std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("safetensors_test." + std::to_string(getpid()));
  std::string path = directory / "w.safetensors";
  void SetUp() override { std::filesystem::create_directories(directory); }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string content() {
    std::ifstream stream(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }
};

NamedTensors sample() {
  return {{"w", HostTensor::from<float>({2, 3}, {1, -2, 3.5, 4, 5, 6})},
          {"b", HostTensor::from<bool>({3}, {true, false, true})},
          {"scale", HostTensor::scalar(Half(0.5))},
          {"none", HostTensor::zeros(DType::U16, {0, 4})}};
}

TEST_F(SafetensorsTest, TensorsComeBackByName) {
  ASSERT_TRUE(writeSafetensors(path, sample(), {{"format", "pt"}}).ok());
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("format"), "pt");
  ASSERT_EQ(file->entries().size(), 4u);
  for (const auto &[name, tensor] : sample()) EXPECT_EQ(*file->tensor(name), tensor) << name;
  EXPECT_EQ(file->tensor("v").status().message(), path + ": there is no tensor 'v'");
}

TEST_F(SafetensorsTest, AnAlignedTensorIsAViewThatOutlivesTheFile) {
  ASSERT_TRUE(writeSafetensors(path, sample()).ok());
  HostTensor first, second;
  {
    auto file = SafetensorsFile::open(path);
    first = *file->tensor("w");
    second = *file->tensor("w");
    EXPECT_EQ(first.raw(), second.raw()) << "both share the mapping";
  }
  std::filesystem::remove(path);
  first.mutableData<float>()[0] = 9;
  EXPECT_EQ(first.at(0), 9);
  EXPECT_EQ(second.at(0), 1) << "writing changes one value only";
}

TEST_F(SafetensorsTest, TruthOfOtherWritersIsOne) {
  std::string header = R"({"b":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})";
  const uint64_t length = header.size();
  std::ofstream(path, std::ios::binary)
      << std::string(reinterpret_cast<const char *>(&length), 8) << header << '\x07' << '\0';
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->tensor("b"), HostTensor::from<bool>({2}, {true, false}));
}

} // namespace
} // namespace weir::runtime
