// Which seeds a fuzz test runs: as many as its target says, from 0; others through the environment,
// to look at one failure.
#pragma once

#include <cstdlib>
#include <numeric>
#include <vector>

namespace weir::testing {

/// WEIR_FUZZ_SEEDS of the target from 0; with FIRST and SEEDS in the environment, those.
inline std::vector<int> seeds() {
  const char *first = std::getenv("FIRST"), *count = std::getenv("SEEDS");
  std::vector<int> chosen(count ? std::atoi(count) : WEIR_FUZZ_SEEDS);
  std::iota(chosen.begin(), chosen.end(), first ? std::atoi(first) : 0);
  return chosen;
}

} // namespace weir::testing
