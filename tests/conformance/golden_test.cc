// All golden derivatives and StableHLO samples at hand, but those that wait for control flow.
// features: A1 A2 A4 A7 A8
#include "tests/conformance/golden.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::conformance {
namespace {

using ::testing::HasSubstr;

/// What is refused, with this reason, until control flow is complete.
const std::map<std::string, std::string> kWaiting = {
    {"switch_2", "has 3 branches; two are supported; this waits for control flow"},
    {"while_newton", "how often it runs is not known before it runs"},
};

void expectAllPass(const std::string &folder, const Check &check) {
  const char *shared = std::getenv("WEIR_SHARED");
  if (!shared) GTEST_SKIP() << "WEIR_SHARED is not set: there are no cases";
  for (const CaseFiles &files : casesIn(shared + ("/conformance/" + folder))) {
    const std::string reason = reasonToFail(files, check);
    auto waiting = kWaiting.find(files.name);
    if (waiting == kWaiting.end())
      EXPECT_EQ(reason, "") << files.name;
    else
      EXPECT_THAT(reason, HasSubstr(waiting->second)) << files.name;
  }
}

TEST(Golden, DerivativesInF64) {
  expectAllPass("ad_golden",
                [](const CaseFiles &files) { return checkGolden(files, {.widen = true}); });
}
TEST(Golden, DerivativesInF32) {
  expectAllPass("ad_golden", [](const CaseFiles &files) { return checkGolden(files); });
}
TEST(Golden, ValuesOfSamples) {
  expectAllPass("stablehlo_samples", [](const CaseFiles &files) { return checkValues(files); });
}

} // namespace
} // namespace weir::conformance
