// Executables through a file: back as they were, and every kind of damage refused.
// features: F7 X12 G14
#include "runtime/artifact/file/executable_file.h"
#include "runtime/artifact/test_executable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;

/// With more code than a page, and what the smallest example leaves at its default.
Executable example(int64_t tasks) {
  Executable e = testExecutable();
  e.image.assign(5000, 0xc3);
  e.kernels[0].tasks = tasks;
  e.variables.push_back({"n", DType::I64, {}});
  e.instructions[0].body[0].reverse = true;
  return e;
}

class ExecutableFile : public ::testing::Test {
protected:
  ExecutableFile() {
    values = {HostTensor::from<float>({2}, {1.5f, -2}), HostTensor::scalar<int64_t>(7)};
    levels = {{"x86-64-v4", std::make_shared<Executable>(example(4))},
              {"x86-64-v3", std::make_shared<Executable>(example(3))}};
  }
  ~ExecutableFile() override { std::filesystem::remove(path); }

  std::string content() {
    EXPECT_TRUE(writeExecutableFile(path, levels, values).ok());
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string refusal(const std::string &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    auto loaded = readExecutableFile(path);
    return loaded.ok() ? "" : std::string(loaded.status().message());
  }

  std::string path = ::testing::TempDir() + "/example.weirx";
  std::vector<HostTensor> values;
  std::vector<LevelExecutable> levels;
};

TEST_F(ExecutableFile, ComesBackAsItWas) {
  ASSERT_TRUE(writeExecutableFile(path, levels, values).ok());
  auto loaded = readExecutableFile(path, "x86-64-v3");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Executable &e = *loaded->executable, expected = example(3);
  EXPECT_EQ(loaded->cpu, "x86-64-v3");
  EXPECT_EQ(loaded->values, values);
  EXPECT_EQ(e.name, "example");
  EXPECT_EQ(e.image, expected.image);
  EXPECT_EQ(e.constants.size(), expected.constants.size());
  EXPECT_EQ(e.arenaBytes, 256);
  EXPECT_EQ(e.numLoops, 1);
  EXPECT_EQ(e.kernels[0].tasks, 3);
  EXPECT_EQ(e.kernels[0].codeOffset, 64);
  EXPECT_EQ(e.buffers[0].strides[0].strideBytes, 8);
  EXPECT_EQ(e.instructions[0].body[0].body[0].locations[0].line, 42);
  EXPECT_TRUE(e.instructions[0].body[0].reverse);
  EXPECT_EQ(e.instructions[1].deps, (std::vector<int32_t>{0}));
  EXPECT_EQ(e.inputs[1].dtype, DType::I1);
}

TEST_F(ExecutableFile, ProgramsForAMeshComeBackAndNeedVersion3) {
  EXPECT_EQ(content()[8], 1);
  levels = {{"x86-64-v3", std::make_shared<Executable>(testExecutableOnMesh(example(3)))}};
  EXPECT_FALSE(writeExecutableFile(path, levels, values).ok()) << "a piece is not the whole";
  values[0] = HostTensor::from<float>({4}, {1, 2, 3, 4});
  EXPECT_EQ(content()[8], 3);
  auto loaded = readExecutableFile(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Executable &e = *loaded->executable, expected = testExecutableOnMesh(example(3));
  EXPECT_EQ(loaded->values, values);
  EXPECT_EQ(e.mesh, expected.mesh);
  EXPECT_EQ(e.variables[0].whole, expected.variables[0].whole);
  EXPECT_EQ(e.inputs[0].whole, Whole());
  const Instruction &gather = e.instructions[2], &swap = e.instructions[3];
  EXPECT_EQ(gather.collective, CollectiveKind::AllGather);
  EXPECT_EQ(gather.axes, (std::vector<int32_t>{1}));
  EXPECT_EQ(gather.reason, "dot takes [{},{}]");
  EXPECT_EQ(swap.sources, (std::vector<int32_t>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(e.instructions[4].kind, Instruction::Kind::AxisIndex);
  levels.push_back({"x86-64-v4", std::make_shared<Executable>(example(3))});
  EXPECT_FALSE(writeExecutableFile(path, levels, {}).ok());
}

TEST_F(ExecutableFile, DotsOfALibraryComeBackAndNeedVersion4) {
  Executable e = testGpuExecutable();
  e.kernels[0].entry = "";
  e.kernels[0].blocks = 1;
  e.kernels[0].threadsPerBlock = 32;
  e.kernels[0].product = {DType::F32, 2, 1, 1, 1, true, false, true};
  e.instructions[0].body[0].body[0].buffers = {0, 4, 2};
  levels = {{kCudaLevel, std::make_shared<Executable>(e)}};
  values.clear();
  EXPECT_EQ(content()[8], 4);
  auto loaded = readExecutableFile(path, kCudaLevel);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->executable->kernels[0].product, e.kernels[0].product);
}

TEST_F(ExecutableFile, ConvolutionsOfALibraryComeBackAndNeedVersion5) {
  Executable e = testConvolutionExecutable();
  levels = {{kCudaLevel, std::make_shared<Executable>(e)}};
  values.clear();
  EXPECT_EQ(content()[8], 5);
  auto loaded = readExecutableFile(path, kCudaLevel);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->executable->kernels[0].convolution, e.kernels[0].convolution);
}

TEST_F(ExecutableFile, SameExecutableSameBytes) {
  std::string once = content();
  EXPECT_EQ(content(), once);
}

TEST_F(ExecutableFile, ChoosesTheMostDemandingLevelOfTheProcessor) {
  ASSERT_TRUE(writeExecutableFile(path, levels, {}).ok());
  auto loaded = readExecutableFile(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->cpu, supportedLevels().front());
  EXPECT_TRUE(loaded->values.empty());
}

TEST_F(ExecutableFile, NamesTheLevelsWhenNoneRuns) {
  levels = {{"x86-64-v9", levels[0].batch}};
  EXPECT_THAT(refusal(content()),
              HasSubstr("is for x86-64-v9; this processor has " + supportedLevels().front()));
}

TEST_F(ExecutableFile, EveryFlippedBitIsNoticed) {
  std::string good = content();
  auto flipped = [&](size_t i) {
    std::string bad = good;
    bad[i] ^= static_cast<char>(1 << (i % 8));
    return refusal(bad);
  };
  for (size_t i = 0; i < 400; ++i) EXPECT_NE(flipped(i), "") << i; // header and metadata
  for (size_t i = 0; i < good.size(); i += 37)
    if (good[i] == '\xc3') EXPECT_NE(flipped(i), "") << i;
  float value = 1.5f;
  EXPECT_NE(flipped(good.find(std::string(reinterpret_cast<char *>(&value), 4))), "");
  EXPECT_EQ(refusal(good), "");
  std::string code = good;
  code[code.find("\xc3\xc3\xc3")] = 0;
  EXPECT_THAT(refusal(code), HasSubstr("machine code: the checksum differs"));
}

TEST_F(ExecutableFile, TruncationIsNoticedEverywhere) {
  std::string good = content();
  for (size_t size : {size_t(0), size_t(7), size_t(63), size_t(64), size_t(500), good.size() - 1})
    EXPECT_NE(refusal(good.substr(0, size)), "") << size;
  EXPECT_THAT(refusal(good.substr(0, good.size() - 4096)), HasSubstr("truncated"));
}

TEST_F(ExecutableFile, OtherFilesAndNewerVersionsAreNamed) {
  std::string newer = content();
  newer[8] = 9;
  EXPECT_THAT(refusal(newer), HasSubstr("has format version 9; this runtime reads"));
  EXPECT_THAT(refusal(std::string(100, 'x')), HasSubstr("is not a Weir executable"));
  EXPECT_THAT(std::string(readExecutableFile("/no/such/file").status().message()),
              HasSubstr("/no/such/file: cannot be opened"));
}

/// With the ports of example().
Executable onGpu() {
  Executable e = testGpuExecutable();
  e.variables = example(4).variables;
  return e;
}

TEST_F(ExecutableFile, HoldsCodeForGpusBesideThatForProcessors) {
  levels.push_back({kCudaLevel, std::make_shared<Executable>(onGpu())});
  ASSERT_TRUE(writeExecutableFile(path, levels, values).ok());
  EXPECT_EQ(readExecutableFile(path)->cpu, supportedLevels().front());
  auto loaded = readExecutableFile(path, kCudaLevel);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Executable &e = *loaded->executable, expected = onGpu();
  EXPECT_EQ(loaded->cpu, kCudaLevel);
  EXPECT_EQ(loaded->values, values);
  EXPECT_EQ(e.image, expected.image);
  ASSERT_EQ(e.modules.size(), 2u);
  EXPECT_EQ(e.modules[1].form, "sm_90");
  EXPECT_EQ(e.modules[1].offset, 64);
  EXPECT_EQ(e.modules[1].bytes, 36);
  EXPECT_EQ(e.kernels[0].entry, "weir_k");
  EXPECT_EQ(e.kernels[0].blocks, 7);
  EXPECT_EQ(e.kernels[0].threadsPerBlock, 128);
}

TEST_F(ExecutableFile, SaysWhatRunsAFileForGpusAlone) {
  levels = {{kCudaLevel, std::make_shared<Executable>(onGpu())}};
  EXPECT_THAT(refusal(content()), HasSubstr("is for cuda; this processor has "));
  EXPECT_THAT(refusal(content()), HasSubstr("--device cuda runs it"));
}

TEST_F(ExecutableFile, RefusesLevelsThatDiffer) {
  Executable other = example(1);
  other.outputs[0].name = "z";
  levels[1] = {levels[1].cpu, std::make_shared<Executable>(other)};
  EXPECT_FALSE(writeExecutableFile(path, levels, values).ok());
  EXPECT_FALSE(writeExecutableFile(path, {}, values).ok());
  levels.pop_back();
  EXPECT_FALSE(writeExecutableFile(path, levels, {values[0]}).ok());
}

/// For a batch of `rows`, with code of its own.
std::shared_ptr<const Executable> sizeOf(int64_t rows) {
  Executable e = testExecutable(rows);
  e.image.push_back(static_cast<uint8_t>(rows));
  return std::make_shared<Executable>(std::move(e));
}

TEST_F(ExecutableFile, SizesOfABatchComeBack) {
  values.pop_back();
  BatchExecutable batch{{{1, sizeOf(1)}, {2, sizeOf(2)}, {4, sizeOf(4)}}, {1, 0}, {0}};
  levels = {{"x86-64-v4", batch}, {"x86-64-v3", batch}};
  const std::string bytes = content();
  EXPECT_EQ(bytes[8], 2) << "a range is of version 2";
  auto loaded = readExecutableFile(path, "x86-64-v3");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->batch->inputs, batch.inputs);
  EXPECT_EQ(loaded->batch->outputs, batch.outputs);
  EXPECT_EQ(loaded->values, values);
  ASSERT_EQ(loaded->batch->sizes.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const Executable &e = *loaded->batch->sizes[i].executable;
    EXPECT_EQ(loaded->batch->sizes[i].rows, batch.sizes[i].rows);
    EXPECT_EQ(e.inputs[0].dims[0], batch.sizes[i].rows);
    EXPECT_EQ(e.image, batch.sizes[i].executable->image);
    EXPECT_EQ(e.constants.data(), loaded->executable->constants.data()) << "in the file once";
  }
  EXPECT_EQ(loaded->executable->inputs[0].dims[0], 4) << "the largest stands for all";
  EXPECT_EQ(loaded->batch->inputType(0), "f32[1..4, 2]");
}

TEST_F(ExecutableFile, RefusesSizesThatAreNotOneProgram) {
  values.pop_back();
  BatchExecutable batch{{{1, sizeOf(1)}, {4, sizeOf(4)}}, {1, 0}, {0}};
  levels = {{"x86-64-v4", batch}};
  batch.sizes.pop_back();
  levels.emplace_back("x86-64-v3", batch);
  EXPECT_FALSE(writeExecutableFile(path, levels, values).ok()) << "another largest batch";
  batch.sizes = {{1, sizeOf(1)}, {4, sizeOf(2)}};
  levels = {{"x86-64-v4", batch}};
  EXPECT_FALSE(writeExecutableFile(path, levels, values).ok()) << "not of 4 rows";
}

TEST_F(ExecutableFile, OneSizeIsWrittenForOlderRuntimes) {
  EXPECT_EQ(content()[8], 1);
}

} // namespace
} // namespace weir::runtime
