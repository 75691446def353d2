// ONNX's backend cases: those that static shapes can express, compiled and interpreted, and
// all of the archive for crashes.
// features: X12
#include "tests/conformance/onnx_cases.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>

namespace weir::conformance {
namespace {

/// The cases of the archive, unpacked for this process; empty without one.
std::vector<OnnxCase> openCases(std::string &folder) {
  const char *shared = std::getenv("WEIR_SHARED");
  if (!shared) return {};
  folder = std::string(shared) + "/conformance/onnx";
  const std::string to = ::testing::TempDir() + "/onnx_cases";
  const std::string archive = folder + "/onnx_node_open.tar.xz";
  const std::string command =
      "mkdir -p '" + to + "' && tar -xJf '" + archive + "' -C '" + to + "' 2> /dev/null";
  if (std::system(command.c_str()) != 0) return {};
  return onnxCasesIn(to + "/onnx_node_open");
}

/// Every `step`-th of the listed cases.
void expectListedPass(size_t step, OnnxRuns runs) {
  std::string folder;
  const std::vector<OnnxCase> cases = openCases(folder);
  if (cases.empty()) GTEST_SKIP() << "there is no archive of cases: WEIR_SHARED is not set to it";
  const std::vector<std::string> names = namesIn(folder + "/onnx_open_reach.txt");
  for (size_t i = 0; i < names.size(); i += step) {
    auto found = std::find_if(cases.begin(), cases.end(),
                              [&](const OnnxCase &c) { return c.name == names[i]; });
    ASSERT_NE(found, cases.end()) << names[i];
    EXPECT_EQ(checkOnnx(*found, runs), "") << names[i];
  }
}

// The build says how many: a slice, or all of them by hand, for that takes minutes.
TEST(Onnx, ListedCasesPassCompiledAndInterpreted) {
  expectListedPass(WEIR_ONNX_STEP, {});
}

TEST(Onnx, CasesBeyondTheListAreRefusedWithReasonsNotByCrashing) {
  std::string folder;
  const std::vector<OnnxCase> cases = openCases(folder);
  if (cases.empty()) GTEST_SKIP() << "there is no archive of cases: WEIR_SHARED is not set to it";
  for (size_t i = 0; i < cases.size(); i += WEIR_ONNX_STEP)
    EXPECT_EQ(checkOnnx(cases[i], {.compiled = false}).find("CRASHED"), std::string::npos)
        << cases[i].name;
}

} // namespace
} // namespace weir::conformance
