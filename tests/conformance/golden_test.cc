// All golden derivatives and StableHLO samples at hand.
// features: A1 A2 A4 A7 A8
#include "tests/conformance/golden.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace weir::conformance {
namespace {

void expectAllPass(const std::string &folder, const Check &check) {
  const char *shared = std::getenv("WEIR_SHARED");
  if (!shared) GTEST_SKIP() << "WEIR_SHARED is not set: there are no cases";
  for (const CaseFiles &files : casesIn(shared + ("/conformance/" + folder)))
    EXPECT_EQ(reasonToFail(files, check), "") << files.name;
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
