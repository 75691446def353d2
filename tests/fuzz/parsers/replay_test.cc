// One parser on its seeds and on a fixed slice of changes to them; what fuzzing found before is in
// regressions/. WEIR_FUZZ_SEED and WEIR_FUZZ_TRIALS run others, or more.
// features: G16 X12
#include "tests/fuzz/parsers/mutation.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace weir::fuzz {
namespace {

uint64_t setting(const char *name, uint64_t fallback) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

TEST(Parser, TakesItsSeeds) {
  for (const std::string &seed : seeds()) EXPECT_TRUE(accepts(seed)) << seed.substr(0, 200);
}

TEST(Parser, TakesOrRefusesEveryChangeOfThem) {
  const std::vector<std::string> whole = seeds();
  const uint64_t seed = setting("WEIR_FUZZ_SEED", 1),
                 trials = setting("WEIR_FUZZ_TRIALS", WEIR_FUZZ_TRIALS);
  uint64_t accepted = 0;
  for (uint64_t trial = 0; trial < trials; ++trial) {
    SCOPED_TRACE("trial " + std::to_string(trial));
    Random random(seed * 1000003 + trial);
    std::string bytes = whole[random() % whole.size()];
    for (uint64_t i = 0, count = 1 + random() % 3; i < count; ++i)
      if (random() % 4)
        bytes = mutate(bytes, random);
      else
        mutateBytes(bytes, 0, bytes.size(), random);
    if (random() % 16 == 0) bytes.resize(below(bytes.size(), random));
    accepted += accepts(bytes);
  }
  // Changes that leave a file valid, and such that do not, are both among them.
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, trials);
}

TEST(Parser, SurvivesWhatOnceBrokeIt) {
  const std::filesystem::path folder = "tests/fuzz/parsers/regressions/" WEIR_FUZZ_FORMAT;
  if (!std::filesystem::exists(folder)) return;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    accepts(std::string(std::istreambuf_iterator<char>(file), {}));
  }
}

} // namespace
} // namespace weir::fuzz
