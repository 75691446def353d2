//===- checkpoint_test.cc - files in and out, and damaged ones ------------===//
// Round trips, files of another writer, every truncation, a flipped bit in every byte, each rule of
// the format broken.
//===----------------------------------------------------------------------===//
#include "runtime/checkpoint/checkpoint.h"

#include "runtime/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace weir::runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CheckpointTest : public testing::Test {
protected:
  std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("checkpoint_test." + std::to_string(getpid()));
  std::string path = directory / "model.safetensors";
  void SetUp() override { std::filesystem::create_directories(directory); }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string content() {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void overwrite(std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), std::streamsize(bytes.size()));
  }
  /// A file as another tool would write it.
  void write(const std::string &header, std::string_view data) {
    uint64_t length = header.size();
    overwrite(std::string(reinterpret_cast<const char *>(&length), 8) + header + std::string(data));
  }
  std::string errorOf(const std::string &header, std::string_view data = "") {
    write(header, data);
    auto result = readCheckpoint(path);
    EXPECT_THAT(std::string(result.status().message()), StartsWith(path + ": "));
    return std::string(result.status().message()).substr(path.size() + 2);
  }
};

Checkpoint sample() {
  Checkpoint checkpoint;
  checkpoint.tensors = {{"w", HostTensor::from<float>({2, 2}, {1, -2, 3.5, 4})},
                        {"b", HostTensor::from<double>({1}, {1e300})},
                        {"step", HostTensor::scalar(int64_t(7))},
                        {"mask", HostTensor::from<bool>({3}, {true, false, true})},
                        {"none", HostTensor::zeros(DType::BF16, {0, 5})}};
  checkpoint.metadata = {{"seed", "3"}, {"config", "{\"d\": 128}"}};
  return checkpoint;
}

bool same(const Checkpoint &a, const Checkpoint &b) {
  return a.tensors == b.tensors && a.metadata == b.metadata;
}

TEST_F(CheckpointTest, RoundTripKeepsBitsOrderAndText) {
  ASSERT_TRUE(writeCheckpoint(path, sample()).ok());
  auto read = readCheckpoint(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(same(*read, sample()));
  EXPECT_EQ(*read->text("seed"), "3");
  EXPECT_EQ(read->tensor("step", DType::I64, {})->item<int64_t>(), 7);
  std::string before = content();
  ASSERT_TRUE(writeCheckpoint(path, *read).ok());
  EXPECT_EQ(content(), before) << "the same state makes the same file";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
}

TEST_F(CheckpointTest, AskingForWhatIsNotThereNamesFileAndTensor) {
  ASSERT_TRUE(writeCheckpoint(path, sample()).ok());
  Checkpoint read = *readCheckpoint(path);
  EXPECT_EQ(read.tensor("w", DType::F32, {4}).status().message(),
            path + ": tensor 'w' is f32[2, 2], expected f32[4]");
  EXPECT_EQ(read.tensor("w", DType::F64, {2, 2}).status().message(),
            path + ": tensor 'w' is f32[2, 2], expected f64[2, 2]");
  EXPECT_EQ(read.tensor("v", DType::F32, {}).status().message(), path + ": there is no tensor 'v'");
  EXPECT_EQ(read.text("lr").status().message(), path + ": there is no entry 'lr'");
}

TEST_F(CheckpointTest, EveryTruncationIsAnError) {
  ASSERT_TRUE(writeCheckpoint(path, sample()).ok());
  std::string whole = content();
  for (size_t length = 0; length < whole.size(); ++length) {
    overwrite(std::string_view(whole).substr(0, length));
    auto read = readCheckpoint(path);
    ASSERT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << length << " bytes";
    ASSERT_THAT(std::string(read.status().message()), StartsWith(path)) << length << " bytes";
  }
  overwrite(whole + "x");
  EXPECT_EQ(readCheckpoint(path).status().message(),
            path + ": it has 1 bytes after its last tensor");
}

TEST_F(CheckpointTest, NoFlippedBitChangesWhatIsRead) {
  ASSERT_TRUE(writeCheckpoint(path, sample()).ok());
  std::string whole = content();
  int refused = 0;
  for (size_t byte = 0; byte < whole.size(); ++byte) {
    std::string damaged = whole;
    damaged[byte] = char(damaged[byte] ^ (1 << byte % 8));
    overwrite(damaged);
    auto read = readCheckpoint(path);
    refused += !read.ok();
    // A flip in the name of the digest's own entry leaves a file without a digest, but with one
    // entry more.
    if (read.ok() && !same(*read, sample()))
      ASSERT_TRUE(read->tensors == sample().tensors && read->metadata.size() == 3)
          << "byte " << byte;
  }
  EXPECT_GT(refused, int(whole.size() * 9 / 10));
}

TEST_F(CheckpointTest, ReadsFilesOfOtherWriters) {
  write(R"({"b":{"dtype":"I8","shape":[],"data_offsets":[8,9]},)"
        R"("a":{"shape":[2],"data_offsets":[0,8],"dtype":"F32"}}   )",
        std::string_view("\0\0\x80\x3f\0\0\0\x40\x05", 9));
  auto read = readCheckpoint(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->tensors.size(), 2u);
  EXPECT_EQ(read->tensors[0].first, "a");
  EXPECT_THAT(read->tensors[0].second.data<float>(), testing::ElementsAre(1, 2));
  EXPECT_EQ(read->tensors[1].second.item<int8_t>(), 5);
  write("{}", "");
  EXPECT_TRUE(readCheckpoint(path)->tensors.empty());
}

TEST_F(CheckpointTest, RefusesWhatIsNotACheckpoint) {
  overwrite("short");
  EXPECT_EQ(readCheckpoint(path).status().message(),
            path + ": not a safetensors file: it has only 5 bytes");
  overwrite("this is plain text");
  EXPECT_THAT(std::string(readCheckpoint(path).status().message()),
              HasSubstr("it begins with a header length of 2338328219631577204"));
  std::string notJson = "not a safetensors file: its header is not a JSON object";
  EXPECT_EQ(errorOf("[1, 2]"), notJson);
  EXPECT_EQ(errorOf(" {}"), notJson);
  EXPECT_EQ(errorOf("{\"a\": "), notJson);
  EXPECT_EQ(errorOf("{\"a\": {\"b\": {\"c\": {\"d\": {\"e\": 1}}}}}"), notJson);
  EXPECT_EQ(errorOf("{\"a\":" + std::string(1 << 20, '[')), notJson);
  EXPECT_EQ(readCheckpoint(directory / "none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(readCheckpoint(directory).status().code(), absl::StatusCode::kInvalidArgument);
}

std::string entry(const std::string &name, const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

TEST_F(CheckpointTest, RefusesHeadersThatBreakTheFormat) {
  std::string a = entry("a", "F32", "[2]", "[0,8]");
  EXPECT_EQ(errorOf("{" + a + "," + a + "}", "12345678"), "its header names 'a' twice");
  EXPECT_EQ(errorOf("{" + a + "," + entry("b", "F32", "[2]", "[4,12]") + "}", "123456789012"),
            "tensor 'b' begins at byte 4 of the data, the one before ends at 8");
  EXPECT_EQ(errorOf("{" + a + "," + entry("b", "F32", "[1]", "[12,16]") + "}", "1234567890123456"),
            "tensor 'b' begins at byte 12 of the data, the one before ends at 8");
  EXPECT_EQ(errorOf("{" + a + "}", "1234567"),
            "truncated: its tensors have 8 bytes, of which 7 are there");
  EXPECT_EQ(errorOf("{" + entry("a", "F32", "[3]", "[0,8]") + "}", "12345678"),
            "tensor 'a' is f32[3] but has 8 bytes");
  EXPECT_EQ(errorOf("{" + entry("a", "F64", "[4611686018427387904,4]", "[0,0]") + "}"),
            "tensor 'a' is f64[4611686018427387904, 4] but has 0 bytes");
  EXPECT_EQ(errorOf("{" + entry("a", "F8", "[8]", "[0,8]") + "}", "12345678"),
            "tensor 'a' has the unknown dtype 'F8'");
  for (const char *offsets :
       {"[8,0]", "[0]", "[-8,0]", "[0,8.0]", "[0,18446744073709551615]", "\"\""})
    EXPECT_EQ(errorOf("{" + entry("a", "F32", "[2]", offsets) + "}"),
              "tensor 'a' has no valid data_offsets");
  EXPECT_EQ(errorOf("{" + entry("a", "F32", "[-2]", "[0,8]") + "}"),
            "tensor 'a' has no valid shape");
  EXPECT_EQ(errorOf("{\"a\":3}"), "tensor 'a' is not described by a JSON object");
  EXPECT_EQ(errorOf("{\"__metadata__\":{\"k\":1}}"), "its metadata 'k' is not a string");
  EXPECT_EQ(errorOf("{\"__metadata__\":[]}"), "its metadata is not a JSON object");
}

TEST_F(CheckpointTest, WritesNothingThatCannotBeRead) {
  Checkpoint twice = sample();
  twice.tensors.push_back(twice.tensors[0]);
  EXPECT_EQ(writeCheckpoint(path, twice).message(),
            "cannot write " + path + ": two tensors are named 'w'");
  Checkpoint binary = sample();
  binary.metadata["k"] = "\xff\xfe";
  EXPECT_EQ(writeCheckpoint(path, binary).message(),
            "cannot write " + path + ": a tensor's name or a text is not UTF-8");
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
} // namespace weir::runtime
