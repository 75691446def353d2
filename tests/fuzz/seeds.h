// Which seeds a fuzz test runs: a fixed slice as a normal test, more when asked for through the
// environment.
#pragma once

#include <cstdlib>
#include <numeric>
#include <vector>

namespace weir::testing {

/// WEIR_FUZZ_SEEDS seeds from WEIR_FUZZ_FIRST on; `count` from 0 on where they are not set.
inline std::vector<int> seedsOr(int count) {
  const char *seeds = std::getenv("WEIR_FUZZ_SEEDS"), *first = std::getenv("WEIR_FUZZ_FIRST");
  std::vector<int> chosen(seeds ? std::atoi(seeds) : count);
  std::iota(chosen.begin(), chosen.end(), first ? std::atoi(first) : 0);
  return chosen;
}

} // namespace weir::testing
