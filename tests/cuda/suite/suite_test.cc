// The device suite as it goes to a machine with a GPU, written and run here on a device that
// emulates one; and that it notices what is wrong.  features: G6
#include "codegen/cuda/emulate/emulated_device.h"
#include "frontend/import/npy/npy.h"
#include "runtime/artifact/executable.h"
#include "tests/cuda/lowered.h"
#include "tests/cuda/suite/suite.h"
#include "tests/cuda/suite/writer.h"

#include <filesystem>

namespace weir::suite {
namespace {

const std::vector<std::string> kForms = {runtime::kBitcodeForm};

class Suite : public ::testing::Test {
protected:
  Suite() : folder(::testing::TempDir() + "/suite") { std::filesystem::create_directories(folder); }
  ~Suite() override { std::filesystem::remove_all(folder); }

  /// What is printed, and how many fail.
  std::pair<std::string, int> run(const Options &options = {}) {
    char *text = nullptr;
    size_t size = 0;
    std::FILE *out = open_memstream(&text, &size);
    auto result = suite::run(folder, codegen::cuda::makeEmulatedDevice(), options, out);
    std::fclose(out);
    std::string printed(text, size);
    std::free(text);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return {printed, result.ok() ? result->failed : -1};
  }
  void writeRow(const std::string &op) {
    for (const testing::Row &row : testing::rowsWithKernels())
      if (row.op == "weir." + op) return writeOps(folder, row, kForms);
    ADD_FAILURE() << "no row " << op;
  }

  std::string folder;
};

TEST_F(Suite, RunsOpsAndPrograms) {
  writeRow("tanh");
  writeRow("dot");
  writePrograms(folder, kForms, /*small=*/true);
  auto [printed, failed] = run({.repeat = 1});
  EXPECT_EQ(failed, 0) << printed;
  for (const char *name :
       {"program_mlp", "program_gpt", "program_resnet", "program_moe", "op_tanh_0", "op_dot_0"})
    EXPECT_NE(printed.find(std::string("ok     ") + name), std::string::npos) << name << printed;
}

TEST_F(Suite, NoticesAWrongNumberAndAMissingFile) {
  writeRow("tanh");
  const std::string stem = folder + "/op_tanh_0";
  auto arrays = npy::readArchive(stem + ".npz");
  Array &wanted = arrays.at("out:y0");
  std::vector<double> values = wanted.toDoubles();
  values[0] += 0.5;
  wanted = Array::from<double>(wanted.dims(), values);
  npy::writeArchive(stem + ".npz", arrays);
  std::filesystem::remove(folder + "/op_tanh_1.npz");
  auto [printed, failed] = run();
  EXPECT_EQ(failed, 2) << printed;
  EXPECT_NE(printed.find("FAILED op_tanh_0: out:y0, element 0 is "), std::string::npos) << printed;
  EXPECT_NE(printed.find("FAILED op_tanh_1: "), std::string::npos) << printed;
  auto none =
      suite::run(folder, codegen::cuda::makeEmulatedDevice(), {.filter = "nothing"}, stdout);
  EXPECT_FALSE(none.ok());
}

} // namespace
} // namespace weir::suite
